import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { ClientReport, LoadReport } from './messages.ts';
import { reportOf } from './report.ts';
import type { Deed, Scenario } from './scenario.ts';
import { scenarioNames, scenarios } from './scenarios.ts';
import { transitionsMax } from './scenarios/flapping.ts';
import { leaseMs } from './scenarios/telemetry-loss.ts';
import { advance, begin, next } from './timeline.ts';
import type { Timeline, TimelineEvent } from './timeline.ts';

/** Runs of each scenario as the supervisor would play them, against a network that is told beforehand how it answers. */

const setup = { bus: 'local', sidecar: 'builtin', telemetry: 'builtin', enforce: 'builtin', database: 'embedded' };
const epoch = 1_760_000_000_000;
const key = '{"destination.instance":"c3","destination.service":"checkout"}';
const stepMs = 50;
const runMsMax = 150_000;

/** What the network does at a moment, given what was done to it so far. */
type Network = (at: number, done: readonly { readonly at: number; readonly what: Deed | 'begun' | 'over' }[]) => readonly TimelineEvent[];

/** Plays a scenario to its end; the load is well unless the network says so. */
function play(scenario: Scenario, network: Network, users: (at: number) => Partial<LoadReport> = () => ({})): Timeline {
  const done: { at: number; what: Deed | 'begun' | 'over' }[] = [];
  let timeline = advance(begin(scenario), { kind: 'start', atMs: epoch });
  for (let at = stepMs; at < runMsMax; at += stepMs) {
    const due = next(timeline, epoch + at);
    if (due === 'finish') return timeline;
    if (due === 'inject' || due === 'lift') {
      done.push({ at, what: due === 'inject' ? 'begun' : 'over' });
      timeline = advance(timeline, { kind: 'fault', atMs: epoch + at, on: due === 'inject' });
    } else if (due !== 'wait') {
      done.push({ at, what: due });
      timeline = advance(timeline, { kind: 'deed', atMs: epoch + at, deed: due });
    }
    for (const event of network(at, done)) timeline = advance(timeline, event);
    if (at % 100 === 0) {
      const report = { atMs: epoch + at, sent: 30, failed: 0, dropped: 0, latenciesUs: Array.from({ length: 30 }, () => 30_000) };
      timeline = advance(timeline, { kind: 'load', report: { ...report, ...users(at) } });
    }
    if (at % 250 === 0) {
      for (const instance of ['c1', 'c2', 'c3', 'c4'])
        timeline = advance(timeline, { kind: 'served', atMs: epoch + at, instance, served: 19 });
    }
  }
  throw new Error('the run did not end');
}

const change = (at: number, from: 'clear' | 'firing', to: typeof from, verdict: 'holds' | 'clear' | 'unknown' = 'holds'): TimelineEvent => {
  return { kind: 'change', atMs: epoch + at, key, from, to, verdict };
};
const table = (at: number, entries: number): readonly TimelineEvent[] =>
  (['published', 'accepted'] as const).map((kind) => ({ kind, atMs: epoch + at, target: 't', revision: at, entries }));
const acts = (at: number): readonly TimelineEvent[] => [
  change(at, 'clear', 'firing'),
  { kind: 'decided', atMs: epoch + at },
  ...table(at, 1),
  { kind: 'observed', atMs: epoch + at, target: 't', revision: at, entries: 1 },
];
const ceases = (at: number): readonly TimelineEvent[] => [change(at, 'firing', 'clear', 'clear'), ...table(at, 0)];

const judged = (timeline: Timeline): readonly string[] => reportOf(timeline, setup).reasons;
const timeOf = (done: Parameters<Network>[1], is: (what: Deed | 'begun' | 'over') => boolean): number =>
  done.find(({ what }) => is(what))?.at ?? Infinity;
const begun = (done: Parameters<Network>[1]): number => timeOf(done, (what) => what === 'begun');
const over = (done: Parameters<Network>[1]): number => timeOf(done, (what) => what === 'over');

test('every scenario ends, says why it is not as it should be when nothing happens at all, and names what is to be done', () => {
  for (const name of scenarioNames) {
    const scenario = scenarios[name];
    expect(scenario.name).toBe(name);
    expect(judged(play(scenario, () => []))).toContain('never crossed');
    // What is done is undone; more may be.
    expect(scenario.end.length).toBeGreaterThanOrEqual(scenario.begin.length);
  }
});

describe('flood', () => {
  const client = (counts: Partial<ClientReport>): Partial<LoadReport> => ({
    client: { sent: 0, answered: 0, refused: 0, failed: 0, ...counts },
  });
  const good: Network = (at, done) => (at === begun(done) + 1_000 ? acts(at) : at === over(done) + 5_000 ? ceases(at) : []);
  const asked = 37;
  const run = (users: (at: number) => Partial<LoadReport>) => play(scenarios.flood, good, (at) => (at < 15_000 ? {} : users(at)));

  test('the client is refused what is beyond its share, the others notice nothing', () => {
    const timeline = run(() => client({ sent: asked, answered: 1, refused: asked - 1 }));
    expect(judged(timeline)).toEqual([]);
    expect(reportOf(timeline, setup).report.figures).toEqual({ clientAskedPerS: 370, clientAdmittedPerS: 10, clientRefusedPerS: 360 });
  });
  test.each([
    ['a limit that is not enforced', () => client({ sent: asked, answered: asked }), ['none of the client was refused', '370 requests a second of the client were let through, usual is 7.5']],
    ['a limit that lets too much through', () => client({ sent: asked, answered: 5, refused: 32 }), ['50 requests a second of the client were let through, usual is 7.5']],
    ['a flood that was none', () => client({ sent: 2, answered: 1, refused: 1 }), ['the client asked 20 times a second: that is no flood']],
    ['somebody else was refused', (at: number) => ({ ...client({ sent: asked, answered: 1, refused: 36 }), failed: at === 20_000 ? 1 : 0 }), ['1 requests failed, expected at most 0', expect.stringMatching(/^1 of \d+ requests failed after recovery$/)]],
    ['the others stay slow', () => ({ ...client({ sent: asked, answered: 1, refused: 36 }), latenciesUs: Array.from({ length: 30 }, () => 90_000) }), ['never recovered', 'the client was never limited']],
  ] as const)('%s is said', (_name, users, reasons) => expect(judged(run(users))).toEqual(reasons)); // prettier-ignore
});

describe('telemetry-loss', () => {
  const silenced = (done: Parameters<Network>[1]): number =>
    timeOf(done, (what) => typeof what === 'object' && what.kind === 'telemetry' && !what.is);
  const network =
    (unknown: number, held: number, gone: number): Network =>
    (at, done) => {
      const lost = silenced(done);
      return [
        ...(at === begun(done) + 1_000 ? acts(at) : []),
        ...(at === lost + unknown ? [change(at, 'firing', 'firing', 'unknown')] : []),
        ...(at === lost + unknown + held ? [change(at, 'firing', 'clear', 'unknown')] : []),
        ...(at === lost + unknown + held + gone ? table(at, 0) : []),
      ];
    };
  test('its lease is that of the rule', () => {
    expect(readFileSync('rules/gray-failure/rule.yaml', 'utf8')).toContain(`lease: ${leaseMs / 1_000}s\n`);
  });
  test('unknown, held, ended with the lease and gone', () => {
    const timeline = play(scenarios['telemetry-loss'], network(4_000, 30_000, 50));
    expect(judged(timeline)).toEqual([]);
    expect(timeline.deeds.map(({ deed }) => deed)).toEqual([
      { kind: 'telemetry', target: 'shop-checkout', is: false },
      { kind: 'telemetry', target: 'shop-checkout', is: true },
    ]);
  });
  test.each([
    ['it never becomes unknown', network(Infinity, 0, 0), ['the verdict never became unknown', '2 transitions']],
    ['it is let go at once', network(4_000, 100, 50), ['held for 100 ms, the lease is 30000 ms']],
    ['it is held for ever', network(4_000, Infinity, 0), ['the lease never ended']],
    ['the entry stays', network(4_000, 30_000, Infinity), ['the entry never left the sidecar']],
    ['the entry goes before its time', network(4_000, 30_000, -20_000), ['the entry left the sidecar -20000 ms after the lease ended']],
    ['what was seen last counts for long', network(13_000, 30_000, 50), ['unknown only 13000 ms after the source died']],
  ] as const)('%s: that is said', (_name, of, [reason]) => expect(judged(play(scenarios['telemetry-loss'], of))).toContain(reason)); // prettier-ignore
});

describe('flapping', () => {
  /** Begins and ceases this long after each switch, if it has not changed its mind. */
  const following = (beginsMs: number, ceasesMs: number, budget = Infinity): Network => {
    let [acting, firing, changes] = [false, false, 0];
    return (at, done) => {
      const last = done.at(-1);
      if (last === undefined) return [];
      const on = last.what === 'begun' || (typeof last.what === 'object' && last.what.kind === 'fault' && last.what.is);
      if (on === firing || at !== last.at + (on ? beginsMs : ceasesMs)) return [];
      firing = on;
      if (changes >= budget) {
        const [event] = on ? acts(at) : ceases(at);
        return event === undefined ? [] : [event, { kind: 'refused', atMs: epoch + at, key, why: 'transitions' }];
      }
      changes++;
      acting = on;
      return acting ? acts(at) : ceases(at);
    };
  };
  test('its budget is that of the rule', () => {
    expect(readFileSync('rules/gray-failure/rule.yaml', 'utf8')).toContain(`transitions: ${transitionsMax}/10m`);
  });
  test('a damped rule acts once in the fast part and once a slow wave, until its budget is used up', () => {
    const timeline = play(scenarios.flapping, following(1_000, 9_200, 6));
    expect(judged(timeline)).toEqual([]);
    expect(timeline).toMatchObject({ transitions: 8, standing: { length: 6 } });
  });
  test('a rule that follows each wave is found out', () => {
    const reasons = judged(play(scenarios.flapping, following(100, 500)));
    expect(reasons).toContain('it cleared 4 times while the fault came and went every 2 s');
    expect(reasons).toContain('the table changed 14 times, the guard allows 6');
  });
  test('a guard that does not hold is found out', () => {
    expect(judged(play(scenarios.flapping, following(1_000, 9_200)))).toEqual([
      'the table changed 8 times, the guard allows 6',
      'what the guard refused was not told',
    ]);
  });
  test('a rule that never lets go is no test of the guard', () => {
    expect(judged(play(scenarios.flapping, following(1_000, 30_000)))).toContain('2 transitions: the guard had nothing to do');
  });
});

describe('engine-failover', () => {
  const killed = (done: Parameters<Network>[1]): number => timeOf(done, (what) => typeof what === 'object' && what.kind === 'engine');
  const run = (ledAfterMs: number, leaves = false): Timeline =>
    play(scenarios['engine-failover'], (at, done) => {
      if (at === begun(done) + 1_000) return acts(at);
      if (at === killed(done) + ledAfterMs) return [{ kind: 'led', atMs: epoch + at }];
      if (leaves && at === killed(done) + 2_000) return table(at, 0);
      if (leaves && at === killed(done) + 3_000) return table(at, 1);
      return at === over(done) + 5_000 ? ceases(at) : [];
    });

  test('the other engine leads in time, and what is in force stays', () => {
    const timeline = run(5_000);
    expect(judged(timeline)).toEqual([]);
    expect(reportOf(timeline, setup).report.figures).toEqual({ ledAfterMs: 5_000 });
  });
  test('too late, never, and an entry that left meanwhile are said', () => {
    expect(judged(run(8_000)).join()).toContain('only 8000 ms after the kill');
    expect(judged(run(Infinity))).toContain('no other engine ever led');
    expect(judged(run(5_000, true)).join()).toContain('left t 2000 ms after the kill');
  });
});

describe('late-plan', () => {
  const sent = (done: Parameters<Network>[1]): number => timeOf(done, (what) => typeof what === 'object' && what.kind === 'late');
  const run = (isRefused: boolean, stands = false): Timeline =>
    play(scenarios['late-plan'], (at, done) => {
      if (at === begun(done) + 1_000) return acts(at);
      if (at === over(done) + 5_000) return ceases(at);
      if (stands && at === sent(done) + 100) return table(at, 1);
      if (stands && at === sent(done) + 1_100) return table(at, 0);
      return at % 250 === 0 ? [{ kind: 'refusedOld', atMs: epoch + at, count: 3 + (isRefused && at > sent(done) ? 1 : 0) }] : [];
    });

  test('the late table is refused and counted', () => {
    const timeline = run(true);
    expect(judged(timeline)).toEqual([]);
    expect(reportOf(timeline, setup).report.figures).toEqual({ refusedLate: 1 });
  });
  test('one that is not counted, and one that stands again, are said', () => {
    expect(judged(run(false))).toContain('the late table was not counted as refused');
    expect(judged(run(true, true))).toContain('the late table stands again');
  });
});
