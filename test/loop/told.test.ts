import { expect, test } from 'vitest';
import type { Effect } from '../../src/core/loop/types.ts';
import { checkRuleText } from '../../src/core/rule/checktext.ts';
import { announce, createWorld, record, t0Ms, type World } from './world.ts';

const text = `rule: slow
why: a slow replica is avoided
owner: tests
over: rpc
by: [destination.instance]
minimum: {count: 3, until: 1, peers: 1}
window: 2s
when: p90(response.duration) > d("100ms")
until: p90(response.duration) < d("50ms")
then:
  - avoid: {match: 'destination.service == "checkout"', instance: key.destination.instance, percent: 90}
expect: {within: 1s, that: 'p90(response.duration) < d("200ms")', else: revert}
notify: {severity: page, summary: '{key.destination.instance} takes {p90(response.duration)}', runbook: r.md}
mode: enforce
`;
const key = '{"destination.instance":"c3"}';

/** c3 takes 400 ms from the first second to the fourth. */
function incident(mode: 'enforce' | 'shadow'): World {
  const world = createWorld();
  const { compiled } = checkRuleText(text.replace('mode: enforce', `mode: ${mode}`), 'rules/slow/rule.yaml', 1);
  if (compiled === null) throw new Error('the rule is refused');
  world.give({ kind: 'rule', compiled, resume: [] });
  announce(world);
  traffic(world, 0, 3_500);
  return world;
}

function traffic(world: World, fromMs: number, toMs: number): void {
  for (let ms = fromMs; ms < toMs; ms += 20) {
    world.nowMs = t0Ms + ms;
    const instance = `c${((ms / 20) % 4) + 1}`;
    world.give(record({ atMs: world.nowMs, instance, durationMs: instance === 'c3' && ms >= 1_000 && ms < 4_000 ? 400 : 20 }));
  }
}

const of = <K extends Effect['kind']>(world: World, kind: K): readonly Extract<Effect, { kind: K }>[] =>
  world.effects.filter((one): one is Extract<Effect, { kind: K }> => one.kind === kind);
const auditOf = (world: World): readonly string[] =>
  of(world, 'audit').flatMap(({ entries }) => entries.map(({ kind, key: of_, body }) => `${kind} ${of_} ${JSON.stringify(body)}`));
const tables = (world: World): readonly number[] => world.rows.map(({ entries }) => entries.length);

test('an expectation that does not come withdraws the entries, which is told, audited and undone by a person', () => {
  const world = incident('enforce');
  expect(tables(world)).toEqual([1, 0]);
  expect(auditOf(world)).toContain(`effect ${key} {"expected":"reverted"}`);
  const drop = of(world, 'commit')
    .at(-1)
    ?.audit.find(({ kind }) => kind === 'diff');
  expect(JSON.stringify(drop?.body)).toContain('withdrawn until `flyball resume`');
  world.give({ kind: 'resume', rule: 'slow', key: null, author: 'me', reason: 'looked at it' });
  expect(tables(world)).toEqual([1, 0, 1]);
  expect(auditOf(world)).toContain(`operator ${key} {"what":"resume","author":"me","reason":"looked at it"}`);
});

test('people are told when it begins and when it is over', () => {
  const world = incident('enforce');
  traffic(world, 3_500, 8_000);
  expect(of(world, 'notify').map(({ alert }) => [alert.key, alert.summary, alert.runbook, alert.endedAt === null])).toEqual([
    [key, 'c3 takes 400ms', 'r.md', true],
    [key, 'c3 takes 400ms', 'r.md', false],
  ]);
});

test('a rule in shadow tells the timeline alone', () => {
  const world = incident('shadow');
  expect(of(world, 'notify')).toEqual([]);
  const told = of(world, 'event').flatMap(({ event }) => (event.kind === 'notify' ? [event.text] : []));
  expect(told).toEqual(['would tell: slow@1 pages tests: c3 takes 400ms']);
});
