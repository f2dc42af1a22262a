import { expect, test } from 'vitest';
import { interpreter } from '../../src/model/interpret.ts';
import type { Table } from '../../src/model/table.ts';
import { candidates, policyOf } from './policy.ts';
import { asked, factsAsked, randomAsk, randomInventory, randomTable } from './random-tables.ts';
import { testRandom } from './testing.ts';

const ports = [1, 2, 3, 4, 5, 6, 7, 8, 9];

test('index and memory change no decision: 250 tables, 30 requests each, asked twice', () => {
  const random = testRandom(11);
  const seen = new Set<string>();
  for (let round = 0; round < 250; round++) {
    const table = randomTable(random);
    const inventory = randomInventory(random, ports);
    const policy = policyOf(table, inventory, [asked]);
    const book = interpreter(table, inventory);
    for (let n = 0; n < 30; n++) {
      const facts = factsAsked(randomAsk(random, `r${n}`), { address: '127.0.0.1', port: 39_990 + random.integer(20) }, 'h');
      const expected = book(facts);
      expect(policy.decide(facts)).toEqual(expected);
      expect(policy.decide(facts)).toEqual(expected);
      if (expected.limits.every(({ action }) => action.per.length === 0)) expect(policy.decide(facts)).toBe(policy.decide(facts));
      const { admit, limits, mirrors, edits, steer } = expected;
      for (const { action } of [...admit, ...limits, ...mirrors, ...edits.by, ...steer.avoids, ...steer.voided]) seen.add(action.kind);
      if (expected.steer.picked !== null) seen.add(expected.steer.picked.action.kind);
    }
  }
  expect([...seen].sort()).toEqual(['allow', 'avoid', 'deny', 'limit', 'mirror', 'respond', 'route', 'set', 'split']);
});

test('entries for other services are not even looked at, avoids of a service that a route leads to are', () => {
  const entry = { priority: 100, owner: { rule: 'r', revision: 1, key: '{}' }, part: 0, until: null };
  const forService = (service: string) => ({ 'destination.service': [{ in: [service] }] });
  const avoid = { kind: 'avoid', on: 'instance', value: 'i', ppm: 1, floorPpm: 0 } as const;
  const table: Table = [
    { ...entry, id: '1', stage: 'steer', match: forService('checkout'), action: { kind: 'route', to: 'fallback' } },
    { ...entry, id: '2', stage: 'steer', match: forService('fallback'), action: avoid },
    { ...entry, id: '3', stage: 'steer', match: forService('catalog'), action: avoid },
    { ...entry, id: '4', stage: 'admit', match: forService('fallback'), action: { kind: 'allow' } },
  ];
  expect(candidates(table, { service: 'checkout' }).map(({ id }) => id)).toEqual(['1', '2']);
  expect(candidates(table, { service: 'catalog' }).map(({ id }) => id)).toEqual(['3']);
});
