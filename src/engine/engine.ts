import { createLoop, step } from '../core/loop.ts';
import type { Effect, Input, Loop } from '../core/loop/types.ts';
import { epochDraw, leadTickMs, skewMaxMs } from '../core/limits.ts';
import { everySubject, keyHeader, parseSubject, signatureHeader, subjectOf } from '../core/publish/subjects.ts';
import type { AuditEntry } from '../model/audit.ts';
import type { Inventory } from '../model/inventory.ts';
import type { Problem } from '../model/problem.ts';
import { ok, type Result } from '../model/problem.ts';
import type { Line } from '../model/record.ts';
import type { Bus } from '../ports/bus.ts';
import type { Clock } from '../ports/clock.ts';
import type { Notifier } from '../ports/notifier.ts';
import type { Random } from '../ports/random.ts';
import type { Signer, Verifier } from '../ports/signer.ts';
import type { Loaded, Store } from '../ports/store.ts';
import { createAuditQueue } from './auditqueue.ts';
import { createFeed, recordingOf } from './feed.ts';
import type { EngineHandle } from './handle.ts';
import { createOverrides, overrideViews, type Pending } from './overrides.ts';
import { rehearse } from './rehearse.ts';
import { createRing } from './ring.ts';
import { createRules, saveAll } from './rules.ts';
import { nextTickMs } from './tick.ts';
import { statusOf, tablesOf } from './status.ts';
import { whyOf } from './whyof.ts';

export type EngineOptions = {
  /** Names this engine in the leader's row. */
  readonly holder: string;
  readonly version: string;
  readonly pid: number;
  readonly store: Store;
  readonly bus: Bus;
  readonly signer: Signer;
  readonly verifier: Verifier;
  readonly clock: Clock;
  readonly random: Random;
  readonly inventory: Inventory;
  /** Rule files to save before anything is read: as `rule apply`, all or none. */
  readonly rules: readonly { readonly file: string; readonly text: string }[];
  /** Called with what a recording holds, in the order read; null: nothing is recorded. */
  readonly record: ((text: string) => void) | null;
  /** null: what rules notify of goes to the timeline only. */
  readonly notifier: Notifier | null;
  /** Where overrides wait for the database. */
  readonly pendingOverrides: Pending;
  readonly say: (line: string) => void;
};

export type Engine = EngineHandle & { readonly setInventory: (inventory: Inventory) => void; readonly stop: () => Promise<void> };

const retryMs = 250;

/**
 * Wires the loop to the bus, the store and the clock; decides nothing. Every input goes through one queue into `step`, every effect is
 * carried out in order. Problems: those of the store when it cannot be read at the start.
 */
export async function startEngine(options: EngineOptions): Promise<Result<Engine>> {
  const { store, bus, signer, verifier, clock, random, say } = options;
  const keys = { keyId: signer.keyId, sign: signer.sign, verify: verifier.verify };
  rehearse(keys);
  const loop: Loop = createLoop(keys);
  const ring = createRing(clock);
  const feed = createFeed();
  const audit = createAuditQueue({ store, clock, say });
  const problems = new Map<string, Problem>();
  const startedAt = clock.now();
  let stopped = false;
  let cancelTick = (): void => undefined;

  const give = (...inputs: readonly Input[]): void => {
    if (stopped) return;
    const now = { monoMs: clock.monotonic(), wallMs: clock.now() };
    for (const effect of step(loop, inputs, now).effects) carryOut(effect);
  };
  const read = (lines: readonly Line[]): void => {
    if (lines.length === 0) return;
    options.record?.(recordingOf(lines));
    give(...lines.map((line): Input => ({ kind: 'line', line })));
  };

  const carryOut = (effect: Effect): void => {
    switch (effect.kind) {
      case 'send': {
        const headers = { [keyHeader]: effect.keyId, [signatureHeader]: effect.signature };
        return bus.publish({ subject: subjectOf(effect.channel, effect.target), payload: effect.payload, headers });
      }
      case 'commit':
        return void commit(effect);
      case 'reload':
        return void reload(effect.why);
      case 'enrol':
        return void ask(store.enrol(effect.target), (row) => give({ kind: 'enrolled', target: effect.target, row }), () => give({ kind: 'enrolled', target: effect.target, row: null })); // prettier-ignore
      case 'lookup':
        return void ask(store.revisionHash(effect.target, effect.revision), (hash) =>
          give({ kind: 'history', target: effect.target, revision: effect.revision, hash }),
        );
      case 'mark':
        return void ask(store.markSent(effect.outbox), () => undefined);
      case 'audit':
        return audit.add(effect.entries);
      case 'learned':
        return overrides.learned(effect.override);
      case 'notify':
        return options.notifier?.notify(effect.alert);
      case 'event':
        return ring.add(effect.event);
      case 'report':
        return onReport(effect.reason, `${effect.target}: ${effect.what}`, effect.count);
      case 'behind':
        problems.set('behind', {
          code: 'E-BEHIND',
          what: `${effect.target} proves revision ${effect.proven.revision} of epoch ${effect.proven.epoch}; the record has ${effect.own.revision}`,
          at: effect.target,
          todo: 'the database was restored or is another one: nothing more is committed until its history is the newer one',
        });
        return say(`${effect.target} is ahead of the record: nothing more is committed`);
    }
  };

  const onReport = (reason: string, what: string, count: number): void => {
    if (count <= 3 || count % 1_000 === 0) say(`${reason}: ${what} (${count})`);
  };

  /** A promise of the store with its two outcomes; whatever else went wrong is a programmer's error and ends the process. */
  const ask = async <T>(asked: Promise<T>, done: (value: T) => void, failed: () => void = () => undefined): Promise<void> => {
    let value: T;
    try {
      value = await asked;
    } catch (error) {
      say(`the database: ${error instanceof Error ? error.message : String(error)}`);
      return failed();
    }
    done(value);
  };

  const commit = async (effect: Extract<Effect, { kind: 'commit' }>): Promise<void> => {
    const { epoch, rows } = effect;
    if (!(await overrides.flush())) return give({ kind: 'failed', why: 'down' });
    const outcome = await store.commit({ holder: options.holder, epoch, revisions: rows, audit: effect.audit });
    if (outcome === 'committed') {
      give({ kind: 'committed', outbox: [] });
      return ask(store.markRevisionsSent(rows), () => undefined);
    }
    say(`commit ${outcome.failed}: ${outcome.problem.what}`);
    give({ kind: 'failed', why: outcome.failed });
  };

  /** Takes an epoch and reads what the record holds, again and again until the database answers. */
  type Read = Loaded & { readonly epoch: number; readonly overrides: readonly Input[] };
  const load = async (): Promise<Result<Read>> => {
    const epoch = await store.takeEpoch({ holder: options.holder, nowMs: clock.now(), draw: random.integer(epochDraw), skewMaxMs });
    if (!epoch.ok) return epoch;
    return ok({ ...(await store.load()), epoch: epoch.value, overrides: await overrides.saved() });
  };
  const reload = async (why: string): Promise<void> => {
    for (;;) {
      if (stopped) return;
      try {
        const loaded = await load();
        if (loaded.ok) {
          problems.delete('reload');
          return give(...loaded.value.overrides, { kind: 'loaded', ...loaded.value });
        }
        problems.set('reload', loaded.problem);
      } catch (error) {
        problems.set('reload', { code: 'E-DB-DOWN', what: error instanceof Error ? error.message : String(error), at: store.about.address, todo: 'see that the database runs: until then nothing new is published and no lease is renewed' }); // prettier-ignore
      }
      say(`waiting for the database (${why})`);
      await new Promise<void>((resolve) => clock.after(retryMs, resolve));
    }
  };

  const notifyProblems = (): readonly Problem[] => {
    const problem = options.notifier?.problem() ?? null;
    return problem === null ? [] : [problem];
  };

  const overrides = createOverrides({ store, loop, clock, random, pending: options.pendingOverrides, give, say });
  const given = await saveAll(options);
  if (!given.ok) return given;
  const first = await load();
  if (!first.ok) return first;
  const rules = createRules({ store, loop, clock, give, say });
  // In one batch: a plan made before the rules are there would withdraw what they hold in force.
  const saved = await rules.saved(first.value.rules, first.value.targets);
  give({ kind: 'inventory', inventory: options.inventory }, ...saved, ...first.value.overrides, { kind: 'loaded', ...first.value });

  const unsubscribe = (['announce', 'ack', 'record'] as const).map((channel) =>
    bus.subscribe(everySubject(channel), ({ subject, payload, headers }) => {
      const target = parseSubject(subject)?.target;
      if (target === undefined) return onReport('subject', subject, 1);
      if (channel !== 'record') return give({ kind: channel, target, payload });
      read(feed.batch({ target, payload, dropped: Number(headers['Flyball-Dropped'] ?? 0) }, instant()));
    }),
  );
  const instant = (): { readonly monoMs: number; readonly wallMs: number } => ({ monoMs: clock.monotonic(), wallMs: clock.now() });
  let connected = bus.state().connected;
  const unwatch = bus.watch((state) => {
    if (state.connected && !connected) give({ kind: 'connected' });
    connected = state.connected;
  });
  const cancelLead = clock.each(leadTickMs, () => give({ kind: 'tick' }));
  const tick = (): void => {
    read(feed.tick(instant()));
    cancelTick = clock.after(nextTickMs(clock.now(), loop.rules.values()), tick);
  };
  tick();
  audit.add([engineEntry(options, first.value.epoch)]);

  return ok({
    status: () =>
      statusOf({ options, loop, feed, startedAt, problems: [...problems.values(), ...notifyProblems()], auditDropped: audit.dropped() }),
    tables: () => tablesOf(loop),
    why: (subject) => whyOf(subject, { store, loop }),
    rules: async () => (await store.load()).rules,
    history: (name) => store.ruleHistory(name),
    saveRule: rules.save,
    removeRule: rules.remove,
    resume: rules.resume,
    override: overrides.set,
    overrides: () => overrideViews(loop, clock.now()),
    lift: overrides.lift,
    events: ring.after,
    setInventory: (inventory) => give({ kind: 'inventory', inventory }),
    stop: async () => {
      stopped = true;
      cancelTick();
      cancelLead();
      unwatch();
      for (const off of unsubscribe) off();
      await audit.stop();
    },
  });
}

function engineEntry({ clock, version, pid, holder }: EngineOptions, epoch: number): AuditEntry {
  const body = { what: 'engine started', version, pid, holder, epoch };
  return { id: 0, at: clock.now(), kind: 'engine', target: null, rule: null, revision: null, key: null, entries: [], body };
}
