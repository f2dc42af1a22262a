import { describe, expect, test } from 'vitest';
import { measure, quantileMs } from './measure.ts';
import type { LoadReport } from './messages.ts';
import { reportOf } from './report.ts';
import { scenarios } from './scenarios.ts';
import { advance, begin, next } from './timeline.ts';
import type { Timeline, TimelineEvent } from './timeline.ts';

const setup = { bus: 'local', sidecar: 'builtin', telemetry: 'builtin', enforce: 'builtin', database: 'embedded' };
const epoch = 1_760_000_000_000.25;
const key = '{"destination.instance":"c3","destination.service":"checkout"}';
const waits = { warmMs: 3_000, beforeMs: 3_000, holdMs: 3_000, recoverMaxMs: 20_000, clearMaxMs: 40_000, calmMaxMs: 5_000 };
const gray = { ...scenarios['gray-failure'], waits };

/** 38 requests in 100 ms; one of 40 in the slow stretch takes long. */
function report(atMs: number, slow: number, failed = 0): LoadReport {
  const latenciesUs = Array.from({ length: 38 }, (_, i) => (i < slow ? 430_000 : 28_000 + i * 100));
  return { atMs: epoch + atMs, sent: 38, failed, dropped: 0, latenciesUs };
}

const change = (atMs: number, from: 'clear' | 'pending' | 'firing' | 'clearing', to: typeof from, verdict: 'holds' | 'clear') =>
  ({ kind: 'change', atMs: epoch + atMs, key, from, to, verdict }) as const;
const delivery = (kind: 'published' | 'accepted' | 'observed', atMs: number, revision: number, entries: number) =>
  ({ kind, atMs: epoch + atMs, target: 'shop-checkout', revision, entries }) as const;

/** A good run: fault at 6 s, avoided from 7.6 s on, lifted at 10.9 s, clear at 20 s. Any event can be changed or left out. */
function goodRun(alter: (event: TimelineEvent) => TimelineEvent | null = (event) => event): readonly TimelineEvent[] {
  const events: { readonly at: number; readonly event: TimelineEvent }[] = [
    { at: 0, event: { kind: 'start', atMs: epoch } },
    { at: 6_000, event: { kind: 'fault', atMs: epoch + 6_000, on: true } },
    { at: 7_000, event: change(7_000, 'clear', 'pending', 'holds') },
    { at: 7_500, event: change(7_500, 'pending', 'firing', 'holds') },
    { at: 7_503, event: { kind: 'decided', atMs: epoch + 7_503.04 } },
    { at: 7_506, event: delivery('published', 7_506, 1, 1) },
    { at: 7_509, event: delivery('accepted', 7_509, 1, 1) },
    { at: 7_530, event: delivery('observed', 7_530, 1, 1) },
    { at: 10_900, event: { kind: 'fault', atMs: epoch + 10_900, on: false } },
    { at: 16_000, event: change(16_000, 'firing', 'clearing', 'clear') },
    { at: 20_000, event: change(20_000, 'clearing', 'clear', 'clear') },
    { at: 20_004, event: delivery('published', 20_004, 2, 0) },
    { at: 20_009, event: delivery('accepted', 20_009, 2, 0) },
  ];
  for (let at = 100; at <= 22_000; at += 100) {
    const slow = at > 6_400 && at <= 7_900 ? 8 : at % 500 === 0 && at < 11_000 && at > 7_900 ? 1 : 0;
    events.push({ at: at + 1, event: { kind: 'load', report: report(at, slow) } });
  }
  for (let at = 250; at <= 22_000; at += 250) {
    const avoided = at > 7_500 && at <= 20_000;
    for (const instance of ['c1', 'c2', 'c3', 'c4', 'p1']) {
      const served = instance === 'c3' && avoided ? 0 : instance === 'p1' ? 78 : 19;
      events.push({ at: at + 2, event: { kind: 'served', atMs: epoch + at, instance, served } });
    }
  }
  return events
    .sort((a, b) => a.at - b.at)
    .map(({ event }) => alter(event))
    .filter((event) => event !== null);
}

const run = (events: readonly TimelineEvent[], scenario = gray): Timeline => events.reduce(advance, begin(scenario));

describe('a run that went well', () => {
  const { report: outcome, reasons } = reportOf(run(goodRun()), setup);

  test('every stage has its time after the fault, in the order of the issue', () => {
    expect(reasons).toEqual([]);
    expect(JSON.stringify(outcome)).toBe(
      '{"scenario":"gray-failure","ok":true,"faultAtMs":0,"crossedMs":1000,"decidedMs":1503,"publishedMs":1506,"acceptedMs":1509,' +
        '"observedMs":1530,"recoveredMs":1900,"clearedMs":14009,"requests":7220,"failed":{"before":0,"during":0,"after":0},' +
        '"p99Ms":{"before":31.7,"during":430,"after":31.7},"transitions":2,"revisions":2,"bus":"local","sidecar":"builtin",' +
        '"telemetry":"builtin","enforce":"builtin","database":"embedded"}',
    );
  });

  test('the supervisor is told to inject, lift and finish, each once it is due', () => {
    const told: string[] = [];
    let timeline = begin(gray);
    for (const event of goodRun()) {
      const nowMs = event.kind === 'load' ? event.report.atMs : event.atMs;
      const due = next(timeline, nowMs);
      timeline = advance(timeline, event);
      if (due !== 'wait' && told.at(-1)?.split(' ')[0] !== due) told.push(`${due} ${Math.round(nowMs - epoch)}`);
    }
    expect(told).toEqual(['inject 6000', 'lift 10900', 'finish 21500']);
  });

  test('the fold is pure: a second fold gives the same, and no timeline on the way changes', () => {
    const events = goodRun();
    const halfway = run(events.slice(0, 100));
    const text = JSON.stringify(reportOf(halfway, setup));
    expect(reportOf(run(events), setup)).toEqual(reportOf(run(events), setup));
    expect(JSON.stringify(reportOf(halfway, setup))).toBe(text);
  });
});

describe('a run that did not', () => {
  const reasonsOf = (alter: (event: TimelineEvent) => TimelineEvent | null): readonly string[] => {
    const { report: outcome, reasons } = reportOf(run(goodRun(alter)), setup);
    expect(outcome.ok).toBe(false);
    return reasons;
  };

  test('nothing crossed the threshold', () => {
    const reasons = reasonsOf((event) =>
      event.kind === 'load' || event.kind === 'served' || event.kind === 'fault' || event.kind === 'start' ? event : null,
    );
    expect(reasons).toContain('never crossed');
    expect(reasons).toContain('never cleared');
  });

  test('accepted, but no traffic showed the effect', () => {
    expect(reasonsOf((event) => (event.kind === 'observed' ? null : event))).toEqual(
      expect.arrayContaining(['never observed', 'never recovered']),
    );
  });

  test('users stayed slow', () => {
    const slow = (event: TimelineEvent): TimelineEvent =>
      event.kind === 'load' && event.report.atMs > epoch + 6_400 ? { ...event, report: report(event.report.atMs - epoch, 3) } : event;
    expect(reasonsOf(slow)).toContain('never recovered');
  });

  test('users were slow again later', () => {
    const late = (event: TimelineEvent): TimelineEvent =>
      event.kind === 'load' && event.report.atMs > epoch + 13_000 ? { ...event, report: report(event.report.atMs - epoch, 3) } : event;
    expect(reasonsOf(late)).toEqual(['p99 after 430.0 ms, before 31.7 ms']);
  });

  test('a machine that stood still for a moment is no slow replica', () => {
    const stalled = (event: TimelineEvent): TimelineEvent =>
      event.kind === 'load' && event.report.atMs === epoch + 15_000 ? { ...event, report: report(event.report.atMs - epoch, 38) } : event;
    expect(reportOf(run(goodRun(stalled)), setup).reasons).toEqual([]);
  });

  test('a request failed', () => {
    const one = (event: TimelineEvent): TimelineEvent =>
      event.kind === 'load' && event.report.atMs === epoch + 9_000 ? { ...event, report: report(9_000, 0, 1) } : event;
    expect(reasonsOf(one)).toEqual(['1 requests failed, expected at most 0']);
  });

  test('the entry stayed at the target', () => {
    expect(reasonsOf((event) => (event.kind === 'accepted' && event.entries === 0 ? null : event))).toContain('never cleared');
  });

  test('the replica did not get its share back', () => {
    const starved = (event: TimelineEvent): TimelineEvent =>
      event.kind === 'served' && event.instance === 'c3' ? { ...event, served: 1 } : event;
    expect(reasonsOf(starved)).toEqual(['c3 did not get their share of traffic back']);
  });

  test('it acted in quiet', () => {
    const early = goodRun().flatMap((event): readonly TimelineEvent[] =>
      event.kind === 'start' ? [event, change(3_000, 'clear', 'firing', 'holds'), change(4_000, 'firing', 'clear', 'clear')] : [event],
    );
    const { report: outcome, reasons } = reportOf(run(early), setup);
    expect(outcome).toMatchObject({ ok: false, transitions: 4, crossedMs: 1_000 });
    expect(reasons).toEqual(['2 transitions before the fault: a false alarm', '4 transitions, expected 2']);
  });

  test('it flapped', () => {
    const flapping = goodRun().flatMap((event): readonly TimelineEvent[] =>
      event.kind === 'fault' && !event.on
        ? [change(10_800, 'firing', 'clear', 'clear'), change(10_850, 'clear', 'firing', 'holds'), event]
        : [event],
    );
    expect(reportOf(run(flapping), setup).reasons).toEqual(['4 transitions, expected 2']);
  });
});

test('every wait ends: without recovery the fault is lifted, without clearing the run is over', () => {
  const started = [{ kind: 'start', atMs: epoch } as const, { kind: 'fault', atMs: epoch + 6_000, on: true } as const];
  const faulty = run(started);
  expect(next(faulty, epoch + 6_000 + waits.recoverMaxMs - 1)).toBe('wait');
  expect(next(faulty, epoch + 6_000 + waits.recoverMaxMs)).toBe('lift');
  const lifted = advance(faulty, { kind: 'fault', atMs: epoch + 26_000, on: false });
  expect(next(lifted, epoch + 26_000 + waits.clearMaxMs - 1)).toBe('wait');
  expect(next(lifted, epoch + 26_000 + waits.clearMaxMs)).toBe('finish');
});

test('a run is over when users are as well as before, or when that was waited for long enough', () => {
  const slow = (event: TimelineEvent): TimelineEvent =>
    event.kind === 'load' && event.report.atMs > epoch + 13_000 ? { ...event, report: report(event.report.atMs - epoch, 3) } : event;
  expect(next(run(goodRun()), epoch + 22_100)).toBe('finish');
  expect(next(run(goodRun(slow)), epoch + 22_100)).toBe('wait');
  expect(next(run(goodRun(slow)), epoch + 22_000 + waits.calmMaxMs)).toBe('finish');
});

test('error-burst is recovered only when the error ratio is, whatever the p99', () => {
  const failing = (event: TimelineEvent): TimelineEvent => {
    if (event.kind !== 'load') return event;
    const at = event.report.atMs - epoch;
    return { ...event, report: report(at, 0, at > 6_000 && at <= 9_000 ? 7 : 0) };
  };
  const { report: outcome } = reportOf(run(goodRun(failing), { ...scenarios['error-burst'], waits }), setup);
  expect(outcome).toMatchObject({ ok: true, recoveredMs: 3_000, failed: { before: 0, during: 210, after: 0 } });
});

test('the p99 of an interval is the median of those of its seconds', () => {
  const reports = Array.from({ length: 30 }, (_, i) => report(100 * (i + 1), i < 10 ? 1 : 0));
  expect(measure(reports.slice(0, 10), epoch, epoch + 1_000).p99Ms).toBe(430);
  expect(measure(reports, epoch, epoch + 3_000)).toEqual({ requests: 30 * 38, failed: 0, p99Ms: 31.7 });
  expect(measure([], epoch, epoch + 3_000)).toEqual({ requests: 0, failed: 0, p99Ms: null });
});

test('a quantile is the nearest rank', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => (100 - i) * 1_000);
  expect(quantileMs(hundred, 99)).toBe(99);
  expect(quantileMs(hundred.slice(0, 50), 99)).toBe(100);
  expect(quantileMs([7_000], 99)).toBe(7);
  expect(quantileMs([], 99)).toBeNull();
});
