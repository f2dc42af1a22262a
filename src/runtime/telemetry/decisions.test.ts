import { expect, test } from 'vitest';
import { createDecisions, decisionsMax, silentMsMax } from './decisions.ts';
import type { LoopStep } from '../../ports/telemetry.ts';

const step = (kind: string, at: number, of: Partial<LoopStep>): LoopStep => ({
  kind, at, rule: 'r', revision: 1, key: 'k', target: null, text: '', data: {}, ...of,
}); // prettier-ignore
const change = (at: number, from: string, to: string, key = 'k') => step('change', at, { key, data: { from, to } });
const row = (target: string, revision: number, ...keys: readonly string[]) => ({
  target,
  revision,
  entries: keys.map((key) => ({ owner: { rule: 'r', revision: 1, key } })),
});
const kinds = (told: ReturnType<ReturnType<typeof createDecisions>['event']>) =>
  told.map((t) => (t.kind === 'stage' ? `${t.span.stage}${t.span.target === null ? '' : ` at ${t.span.target}`}` : t.kind === 'over' ? t.outcome : t.kind)); // prettier-ignore

test('a decision on two targets is over when both have shown its effect; a later revision answers for an earlier one', () => {
  const all = createDecisions();
  all.event(change(0, 'clear', 'pending'));
  all.event(change(500, 'pending', 'firing'));
  expect(kinds(all.planned([row('a', 7, 'k'), row('b', 3, 'k')], 510))).toEqual(['begun', 'crossed', 'decided']);
  const at = (kind: string, target: string, revision: number, ms: number) =>
    kinds(all.event(step(kind, ms, { target, data: { revision } })));
  expect(at('published', 'a', 6, 515)).toEqual([]);
  expect(at('published', 'a', 7, 520)).toEqual(['published at a']);
  expect(at('published', 'a', 7, 521)).toEqual([]);
  expect(at('accepted', 'b', 4, 530)).toEqual(['accepted at b']);
  expect(at('accepted', 'a', 7, 540)).toEqual(['accepted at a']);
  expect(at('observed', 'b', 4, 550)).toEqual(['observed at b']);
  expect(at('observed', 'b', 4, 560)).toEqual([]);
  expect(at('observed', 'a', 7, 570)).toEqual(['observed at a', 'observed']);
  expect(kinds(all.event(change(900, 'clearing', 'clear')))).toEqual([]);
});

test('a renewal, a refusal, a key that is clear before anybody saw it', () => {
  const all = createDecisions();
  expect(kinds(all.planned([row('a', 1, 'k')], 0))).toEqual([]);
  all.event(change(0, 'clear', 'firing'));
  all.planned([row('a', 2, 'k')], 10);
  expect(kinds(all.planned([row('a', 3, 'k')], 20))).toEqual([]);
  expect(kinds(all.event(step('rejected', 30, { target: 'a', data: { revision: 2 }, text: 'E-FULL' })))).toEqual(['rejected']);
  all.event(change(40, 'clear', 'firing'));
  all.planned([row('a', 4, 'k')], 50);
  expect(kinds(all.event(change(60, 'firing', 'clear')))).toEqual(['cleared']);
});

test('what nobody finishes is told as far as it came, and counted: no more than the bound are kept', () => {
  const all = createDecisions();
  for (let i = 0; i < decisionsMax; i++) all.event(change(i, 'clear', 'firing', `k${i}`));
  all.planned([row('a', 1, 'k0', 'k1')], decisionsMax);
  expect(kinds(all.event(change(decisionsMax, 'clear', 'firing', 'one more')))).toEqual(['forgotten']);
  expect(all.forgotten()).toBe(1);
  expect(kinds(all.event(change(decisionsMax + silentMsMax + 1, 'clear', 'firing', 'much later')))).toEqual(['unobserved']);
  expect(all.forgotten()).toBe(1);
});
