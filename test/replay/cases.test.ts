import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readCases, runCase } from './case.ts';

const folder = 'test/replay/cases';

describe.each(readdirSync(folder).sort())('%s', (file) => {
  const cases = readCases(readFileSync(`${folder}/${file}`, 'utf8'));
  test('holds cases', () => expect(cases.length).toBeGreaterThan(0));
  test.each(cases.map((one) => [one.title, one] as const))('%s', (_title, one) => {
    const got = runCase(one);
    expect(got.changes).toEqual(one.changes);
    if (one.counters !== null) expect(got.counters).toEqual(one.counters);
  });
});
