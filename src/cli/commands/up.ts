import { resolve } from 'node:path';
import { reportOf, type ScenarioReport } from '../../../connectors/shop/report.ts';
import type { Deed, Scenario } from '../../../connectors/shop/scenario.ts';
import { scenarioNames, scenarios } from '../../../connectors/shop/scenarios.ts';
import { advance, begin, next, stageNames, type Timeline, type TimelineEvent } from '../../../connectors/shop/timeline.ts';
import type { EventView, StatusView } from '../../engine/views.ts';
import { startUp, type Up } from '../../engine/up/up.ts';
import { systemClock } from '../../runtime/clock.ts';
import { callApi } from '../../runtime/apiclient.ts';
import { defaultRulesFolder } from '../../runtime/package.ts';
import { flag, list, oneOf, text, UsageError, type Command, type Values } from '../command.ts';
import { askSockets } from '../desks.ts';
import { formatOf, print, refuse, say } from '../print.ts';
import { untilStopped } from '../stop.ts';
import { timelineEvent, stageLine } from '../timeline.ts';

const askEveryMs = 50;
const watchEveryMs = 250;
const watchMsMax = 1_000;
/** The sidecar that stands in front of what the incidents are about. */
const watched = 'shop-checkout';
const eventWaitMs = 1_000;

export const up: Command = {
  name: 'up',
  args: '',
  about: 'everything on one machine: database, bus, engine, sidecars, a small shop under load, and an incident to watch',
  options: {
    scenario: { type: 'string', value: 'NAME', about: `the incident: ${scenarioNames.join(', ')}, none (default gray-failure)` },
    once: { type: 'boolean', about: 'end after the incident: exit 0 when it went as it should, 1 when not' },
    bus: { type: 'string', value: 'auto|nats|local', about: 'auto: NATS_URL, else a nats-server found or installed, else the local bus' },
    sidecar: { type: 'string', value: 'auto|builtin', about: 'what enforces in front of each service' },
    telemetry: { type: 'string', value: 'builtin', about: 'what reports the requests' },
    enforce: { type: 'string', value: 'builtin', about: 'the kind of target that the rules are for' },
    rules: { type: 'string', multiple: true, value: 'DIR', about: 'rule folders to save at the start (default: those of the package)' },
    record: { type: 'string', value: 'FILE', about: 'write records, ticks and source lines as JSON lines, in the order read' },
    output: { type: 'string', short: 'o', value: 'table|json|yaml|name', about: 'how to print the outcome (default table)' },
  },
  more: '  Ctrl-C ends everything that was started. Narration goes to standard error, the outcome to standard output.',
  run: async (_args, values) => {
    const scenario = scenarioOf(values);
    const format = formatOf(values);
    for (const name of ['sidecar', 'telemetry', 'enforce']) oneOf(values, name, ['auto', 'builtin'] as const, 'auto');
    const record = text(values, 'record');
    let timeline = scenario === null ? null : begin(scenario);
    const feed = (event: TimelineEvent): void => {
      if (timeline === null) return;
      const before = timeline;
      timeline = advance(timeline, event);
      narrate(before, timeline);
    };
    const stopped = untilStopped();
    const aborter = new AbortController();
    void stopped.then(() => aborter.abort());
    const startedMs = clock.monotonic();
    const started = await startUp({
      bus: oneOf(values, 'bus', ['auto', 'nats', 'local'] as const, 'auto'),
      recordFile: record === undefined ? null : resolve(record),
      demo: true,
      rules: list(values, 'rules').length > 0 ? list(values, 'rules').map((dir) => resolve(dir)) : [defaultRulesFolder()],
      say,
      signal: aborter.signal,
      engines: scenario?.engines ?? 1,
      late: scenario?.watch === 'refused' ? watched : null,
      load: scenario?.load ?? {},
      onLoad: (report) => feed({ kind: 'load', report }),
      onServed: (served) => feed({ kind: 'served', ...served }),
    });
    if (!started.ok) return refuse(started);
    const running = started.value;
    say(
      `up in ${((clock.monotonic() - startedMs) / 1_000).toFixed(1)} s: the shop is at ${running.entrance ?? '-'}, home ${running.home.root}`,
    );
    try {
      if (timeline === null) {
        await stopped;
        return 0;
      }
      feed({ kind: 'start', atMs: clock.now() });
      const events = followEvents(timeline.scenario, feed);
      const watch = watchWhat(timeline.scenario, feed);
      const incident = play(running, () => timeline, feed);
      const finished = await Promise.race([incident.done, stopped]);
      incident.stop();
      events.stop();
      watch.stop();
      if (finished === 'stopped') return flag(values, 'once') ? 2 : 0;
      const { bus, sidecar, database } = running.about;
      const { report, reasons } = reportOf(timeline, { bus, sidecar, telemetry: 'builtin', enforce: 'builtin', database });
      for (const reason of reasons) say(`not as it should be: ${reason}`);
      print(format, { value: report, rows: rowsOf(report), names: [report.scenario] });
      if (flag(values, 'once')) return report.ok ? 0 : 1;
      say('still up: try `flyball status`, `flyball table`, `flyball why ${timeline.scenario.rules[0]}`; Ctrl-C ends everything');
      await stopped;
      return 0;
    } finally {
      say('ending');
      await running.stop();
    }
  },
};

const clock = systemClock();

function scenarioOf(values: Values): Scenario | null {
  const name = oneOf(values, 'scenario', [...scenarioNames, 'none'] as const, 'gray-failure');
  if (name === 'none' && flag(values, 'once')) throw new UsageError('--once needs a --scenario');
  return name === 'none' ? null : scenarios[name];
}

/** Injects the fault and lifts it as the scenario says; `done` resolves at its end. */
function play(
  running: Up,
  now: () => Timeline | null,
  feed: (event: TimelineEvent) => void,
): { readonly done: Promise<'done'>; readonly stop: () => void } {
  let stop = (): void => undefined;
  const done = new Promise<'done'>((resolve_) => {
    stop = clock.each(askEveryMs, () => {
      const timeline = now();
      if (timeline === null) return;
      const due = next(timeline, clock.now());
      const { begin: first, end: last } = timeline.scenario;
      if (due === 'inject' || due === 'lift') {
        for (const deed of due === 'inject' ? first : last) running.perform(deed);
        feed({ kind: 'fault', atMs: clock.now(), on: due === 'inject' });
      } else if (due === 'finish') resolve_('done');
      else if (due !== 'wait') {
        running.perform(due);
        feed({ kind: 'deed', atMs: clock.now(), deed: due });
      }
    });
  });
  return { done, stop: () => stop() };
}

/** What the engine tells of the scenario's rule, as it happens. */
function followEvents({ rules: [rule] }: Scenario, feed: (event: TimelineEvent) => void): { readonly stop: () => void } {
  let stopped = false;
  const seen = new Set<string>();
  const follow = async (): Promise<void> => {
    for (let after = 0; !stopped;) {
      const answer = await callApi({ method: 'GET', path: `/v1/events?after=${after}&wait=${eventWaitMs}` });
      if (!answer.ok || answer.value.status !== 200) {
        // The engine is being started again; its events count from 1 then.
        after = 0;
        await new Promise<void>((done) => clock.after(askEveryMs, done));
        continue;
      }
      for (const event of answer.value.body as readonly EventView[]) {
        after = event.seq;
        const mapped = timelineEvent(event, rule);
        // Every engine judges: what one has told of a key the other tells, too.
        const told = event.kind === 'change' ? `${event.at} ${event.text}` : '';
        if (mapped === null || stopped || seen.has(told)) continue;
        if (told !== '') seen.add(told);
        feed(mapped);
      }
    }
  };
  void follow();
  return { stop: () => (stopped = true) };
}

/** What some scenarios want to know besides: who leads, and what the watched sidecar refuses. */
function watchWhat({ watch }: Scenario, feed: (event: TimelineEvent) => void): { readonly stop: () => void } {
  let stopped = watch === undefined;
  let first: string | null = null;
  const leader = async (): Promise<void> => {
    const answer = await callApi({ method: 'GET', path: '/v1/status', answerMsMax: watchMsMax });
    const lead = answer.ok && answer.value.status === 200 ? (answer.value.body as StatusView).lead : null;
    if (lead?.role !== 'leader') return;
    first ??= lead.id;
    if (lead.id !== first) feed({ kind: 'led', atMs: clock.now() });
  };
  const refused = async (): Promise<void> => {
    for (const { answer } of await askSockets(
      (target) => target === watched,
      () => ({}),
    )) {
      const counts = answer.ok ? (answer.value.body as { readonly refused?: Readonly<Record<string, number>> }).refused : undefined;
      if (counts !== undefined)
        feed({ kind: 'refusedOld', atMs: clock.now(), count: (counts['old-revision'] ?? 0) + (counts['epoch'] ?? 0) });
    }
  };
  let behind: boolean | null = null;
  const record = async (): Promise<void> => {
    const answer = await callApi({ method: 'GET', path: '/v1/status', answerMsMax: watchMsMax });
    if (!answer.ok || answer.value.status !== 200) return;
    const { lead, problems, targets } = answer.value.body as StatusView;
    const isBehind = problems.some(({ code }) => code === 'E-BEHIND');
    if (!isBehind && (lead.role !== 'leader' || targets.some(({ acked, revision }) => acked !== revision))) return;
    if (isBehind !== behind) feed({ kind: 'record', atMs: clock.now(), isBehind });
    behind = isBehind;
  };
  const look = async (): Promise<void> => {
    while (!stopped) {
      await (watch === 'leader' ? leader() : watch === 'record' ? record() : refused());
      await new Promise<void>((done) => clock.after(watchEveryMs, done));
    }
  };
  void look();
  return { stop: () => (stopped = true) };
}

function narrate(before: Timeline, after: Timeline): void {
  const { begin: first } = after.scenario;
  if (before.startMs === null && after.startMs !== null) say(`scenario ${after.scenario.name}: ${after.scenario.about}`);
  if (before.faultMs === null && after.faultMs !== null) say(stageLine(0, 'fault', first.map(deedText).join('; ')));
  if (after.faultMs === null) return;
  for (const name of stageNames) {
    const at = after.stages[name];
    if (before.stages[name] === null && at !== null) say(stageLine(at - after.faultMs, name, stageTexts[name]));
  }
  for (const { atMs, deed } of after.deeds.slice(before.deeds.length)) say(stageLine(atMs - after.faultMs, 'then', deedText(deed)));
  for (const { atMs, entries } of after.standing.slice(Math.max(1, before.standing.length))) {
    say(stageLine(atMs - after.faultMs, 'table', entries === 0 ? 'holds nothing of the rule any more' : 'holds the rule again'));
  }
  for (const { atMs, why } of after.refusals.slice(before.refusals.length))
    say(stageLine(atMs - after.faultMs, 'refused', `by the guard: ${why}`));
  if (before.liftedMs === null && after.liftedMs !== null) say(stageLine(after.liftedMs - after.faultMs, 'lifted', 'the fault is over'));
  if (before.backMs === null && after.backMs !== null) say(stageLine(after.backMs - after.faultMs, 'back', 'its share of traffic is back'));
}

function deedText(deed: Deed): string {
  switch (deed.kind) {
    case 'fault':
      return `${deed.fault.flag} ${deed.is ? 'on' : 'off'}: ${deed.on.join(', ')}`;
    case 'flood':
      return deed.flood === null ? 'the flood is over' : `user-${deed.flood.user} asks ${deed.flood.times} times as often`;
    case 'engine':
      return deed.is ? 'the engine that was lost may come back' : 'the engine that leads is killed';
    case 'database':
      return deed.what === 'backup' ? 'the database is backed up' : 'the database is restored from the backup';
    case 'accept':
      return 'a person accepts the older history: flyball resume --restored';
    case 'late':
      return `the first table of the incident arrives once more at ${deed.target}`;
    case 'telemetry':
      return deed.is ? `what ${deed.target} reports arrives again` : `nothing that ${deed.target} reports arrives any more`;
  }
}

const stageTexts: Readonly<Record<(typeof stageNames)[number], string>> = {
  crossed: 'the condition holds for the first time',
  decided: 'the rule fires: a new table is planned',
  published: 'committed in Postgres, signed, sent',
  accepted: 'the sidecar has checked it, written it down and switched',
  observed: 'a request came back with the tag of the rule',
  recovered: 'users are as well as before the fault',
  cleared: 'the rule is clear and its entries are gone',
};

function rowsOf(r: ScenarioReport): readonly { readonly what: string; readonly value: string | number | boolean | null }[] {
  return Object.entries(r).flatMap(([what, value]) =>
    typeof value === 'object' && value !== null
      ? Object.entries(value).map(([phase, v]) => ({ what: `${what} ${phase}`, value: v }))
      : [{ what, value: value as string | number | boolean | null }],
  );
}
