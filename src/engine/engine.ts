import { createLoop, step } from '../core/loop.ts';
import type { Effect, Input, Loop } from '../core/loop/types.ts';
import { leadTickMs } from '../core/limits.ts';
import { everySubject, headersOf, parseSubject, subjectOf } from '../core/publish/subjects.ts';
import type { AuditEntry } from '../model/audit.ts';
import type { Inventory } from '../model/inventory.ts';
import type { Problem } from '../model/problem.ts';
import { fail, ok, type Result } from '../model/problem.ts';
import type { Line } from '../model/record.ts';
import type { Bus } from '../ports/bus.ts';
import type { Clock } from '../ports/clock.ts';
import type { Notifier } from '../ports/notifier.ts';
import type { Random } from '../ports/random.ts';
import type { KeyRing, Signer, Verifier } from '../ports/signer.ts';
import type { Store, TargetRow } from '../ports/store.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { createAuditQueue } from './auditqueue.ts';
import { createFeed, recordingOf } from './feed.ts';
import { follow } from './follow.ts';
import { createGap } from './gap.ts';
import type { EngineHandle } from './handle.ts';
import { createOverrides, overrideViews, type Pending } from './overrides.ts';
import { createHeart } from './heart.ts';
import { readingsOf } from './readings.ts';
import { createLeading, type LeadView, type Term } from './leading.ts';
import { rehearse } from './rehearse.ts';
import { acceptRestored } from './restored.ts';
import { createRing } from './ring.ts';
import { createRules, saveAll } from './rules.ts';
import { nextTickMs } from './tick.ts';
import { statusOf, tablesOf } from './status.ts';
import { whyOf } from './whyof.ts';

export type EngineOptions = {
  /** Names this engine in the leader's row. */
  readonly holder: string;
  /** Of its API, once it is there; '' before. */
  readonly address: () => string;
  readonly version: string;
  readonly pid: number;
  readonly store: Store;
  readonly bus: Bus;
  readonly signer: Signer;
  readonly verifier: Verifier;
  /** The key set of the files; null: one key, and no rotation. */
  readonly ring?: KeyRing | null;
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
  /** null: the engine tells nobody of itself. */
  readonly telemetry: Telemetry | null;
  readonly say: (line: string) => void;
};

export type Engine = EngineHandle & { readonly setInventory: (inventory: Inventory) => void; readonly stop: () => Promise<void> };

/**
 * Wires the loop to the bus, the store and the clock; decides nothing. Every input goes through one queue into `step`, every effect is
 * carried out in order. One of several engines on a record leads; the others judge the same
 * records and wait. Problems: those of the store when it cannot be read at the start.
 */
export async function startEngine(options: EngineOptions): Promise<Result<Engine>> {
  const { store, bus, signer, verifier, clock, random, telemetry, say } = options;
  const keys = { keyId: signer.keyId, sign: signer.sign, verify: verifier.verify, trust: verifier.root ?? null };
  rehearse(keys);
  const loop: Loop = createLoop(keys);
  const ring = createRing(clock);
  const feed = createFeed();
  const audit = createAuditQueue({ store, clock, say });
  const heart = createHeart(options);
  const gap = createGap(clock.now);
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
        return bus.publish({ subject: subjectOf(effect.channel, effect.target), payload: effect.payload, headers: headersOf(effect) });
      }
      case 'store':
        return bus.cache?.store(effect.target, effect.messages.map((one) => ({ payload: one.payload, headers: headersOf(one) }))); // prettier-ignore
      case 'commit':
        telemetry?.planned(effect.rows, clock.now());
        return void commit(effect);
      case 'reload':
        return leading.doubt();
      case 'enrol':
        return void ask(store.enrol(effect.target), (row) => give({ kind: 'enrolled', target: effect.target, row }), () => give({ kind: 'enrolled', target: effect.target, row: null })); // prettier-ignore
      case 'lookup':
        return void ask(store.revisionHash(effect.target, effect.revision), (hash) =>
          give({ kind: 'history', target: effect.target, revision: effect.revision, hash }),
        );
      case 'mark':
        return void ask(store.markSent(effect.outbox), () => undefined);
      case 'audit':
        if (loop.lead.leads) return audit.add(effect.entries);
        // What a person asked of this engine is written down by it.
        audit.add(effect.entries.filter(({ kind }) => kind === 'operator'));
        return gap.audit(effect.entries.filter(({ kind }) => kind !== 'operator'));
      case 'learned':
        return overrides.learned(effect.override);
      case 'notify':
        return loop.lead.leads ? options.notifier?.notify(effect.alert) : gap.notify(effect.alert);
      case 'quarantine': {
        const { target, quarantine } = effect;
        return void ask(store.quarantine({ holder: options.holder, epoch: loop.lead.epoch, target, quarantine }), () => undefined);
      }
      case 'event':
        telemetry?.event(effect.event);
        return ring.add(effect.event);
      case 'report':
        return onReport(effect.reason, `${effect.target}: ${effect.what}`, effect.count);
      case 'behind':
        problems.set('behind', {
          code: 'E-BEHIND',
          what: `${effect.target} proves revision ${effect.proven.revision} of epoch ${effect.proven.epoch}; the record has ${effect.own.revision}`,
          at: effect.target,
          todo: 'the database was restored or is another one: nothing more is committed until `flyball resume --restored` accepts its history',
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
    // What a person set comes first, in the record too.
    const outcome = (await overrides.flush())
      ? await store.commit({ holder: options.holder, epoch, revisions: rows, audit: effect.audit })
      : { failed: 'down' as const, problem: { what: 'overrides are not in the record yet' } };
    // Of a term that is over: what became of it is read back.
    if (epoch !== loop.lead.epoch) return;
    const isAwaited = loop.lead.commit !== null;
    if (outcome === 'committed') {
      give({ kind: 'committed', outbox: [] });
      return isAwaited ? ask(store.markRevisionsSent(rows), () => undefined) : undefined;
    }
    say(`commit ${outcome.failed}: ${outcome.problem.what}`);
    give({ kind: 'failed', why: outcome.failed });
  };

  /** A term begins: reads what the record holds, and leads. */
  const lead = async (term: Term): Promise<boolean> => {
    try {
      const loaded = await store.load();
      // Targets keep what the engine before had decided; a term of our own goes on with what we know.
      const inputs = term.since === 'ours' ? [] : await rules.takenOver(loaded.rules, loaded.targets);
      const set = await overrides.saved();
      // Another term may have begun, or this one ended, while we read.
      if (!leading.leads() || leading.term().epoch !== term.epoch) return true;
      problems.delete('reload');
      // In one batch: a plan made before the rules are there would withdraw what they hold in force.
      give({ kind: 'leased', untilMs: leading.term().untilMs }, ...inputs, ...set, { kind: 'loaded', ...loaded, epoch: term.epoch });
      if (loop.lead.behind.size === 0) problems.delete('behind');
      if (term.since !== 'ours') bridge(clock.now() - (clock.monotonic() - term.since.stillMs), term.epoch);
      return true;
    } catch (error) {
      problems.set('reload', { code: 'E-DB-DOWN', what: error instanceof Error ? error.message : String(error), at: store.about.address, todo: 'see that the database runs: until then nothing new is published and no lease is renewed' }); // prettier-ignore
      return false;
    }
  };
  /** What nobody wrote or told between the last sign of life of the engine before and now. */
  const bridge = (sinceAt: number, epoch: number): void => {
    const { entries, alerts } = gap.take(sinceAt);
    audit.add([...entries, engineEntry(options, epoch)]);
    for (const alert of alerts) options.notifier?.notify(alert);
  };

  const outsideProblems = (): readonly Problem[] =>
    [options.notifier?.problem() ?? null, telemetry?.problem() ?? null].filter((problem) => problem !== null);

  const overrides = createOverrides({ store, loop, clock, random, pending: options.pendingOverrides, give, say });
  const leading = createLeading({
    holder: options.holder,
    address: options.address,
    store,
    clock,
    random,
    say,
    problems,
    onLead: lead,
    onExtend: (untilMs) => give({ kind: 'leased', untilMs }),
    onStepDown: () => give({ kind: 'stepped-down' }),
  });
  const rules = createRules({ store, loop, as: () => ({ holder: options.holder, epoch: leading.term().epoch }), clock, give, say });
  const { ring: keyRing = null } = options;
  const ringNow = (): readonly Input[] => (keyRing === null ? [] : [{ kind: 'keys', ...keyRing.now() }]);
  give({ kind: 'inventory', inventory: options.inventory }, ...ringNow());
  const begun = await start();
  if (!begun.ok) {
    await leading.stop();
    return begun;
  }
  const unring = keyRing?.watch(() => give(...ringNow()));
  const following = follow({ store, clock, leads: leading.leads, newer: rules.newer, give });

  /** Who leads saves the rules it was given, before it reads any; who does not reads what is there. */
  async function start(): Promise<Result<null>> {
    try {
      const row = await store.leader();
      const isRivals = row.holder !== '' && row.holder !== options.holder;
      const given = isRivals ? ok(null) : await saveAll(options);
      if (!given.ok) return given;
      if (isRivals && options.rules.length > 0) say(`${row.holder} leads: the rules given at the start are not saved`);
      const first = await leading.start();
      if (!first.ok || first.value === 'leader') return first.ok ? ok(null) : first;
      const { rules: saved, targets } = await store.load();
      give(...(await rules.saved(saved, targets)), ...(await overrides.saved()));
      return ok(null);
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error);
      return fail({ code: 'E-DB-DOWN', what, at: store.about.address, todo: 'see that the database runs' });
    }
  }

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
  const openCache = async (): Promise<void> => {
    const { cache } = bus;
    if (cache === undefined) return;
    await cache.open();
    give({ kind: 'cache', on: cache.problem() === null });
  };
  void openCache();
  const unwatch = bus.watch((state) => {
    if (state.connected && !connected) {
      give({ kind: 'connected' });
      void openCache();
    }
    connected = state.connected;
  });
  const unwatchStore = store.watch((up) => (up ? undefined : give({ kind: 'broken' })));
  const cancelLead = clock.each(leadTickMs, () => give({ kind: 'tick' }));
  const tick = (): void => {
    read(feed.tick(instant()));
    heart.beat();
    cancelTick = clock.after(nextTickMs(clock.now(), loop.rules.values()), tick);
  };
  tick();
  telemetry?.observe(() => readingsOf({ loop, feed, bus, auditDropped: audit.dropped(), aliveAt: heart.lastAt() }));

  return ok({
    status: () =>
      statusOf({
        options,
        loop,
        feed,
        startedAt,
        lead: leading.view(),
        places: following.places(),
        problems: [...problems.values(), ...outsideProblems()],
        auditDropped: audit.dropped(),
      }),
    tables: async () => tablesOf(await targetRows()),
    why: async (subject) => whyOf(subject, { store, tables: new Map((await targetRows()).map((row) => [row.name, row.entries])) }),
    rules: async () => (await store.load()).rules,
    history: (name) => store.ruleHistory(name),
    saveRule: async (save) => standbyProblem((problem) => fail([problem])) ?? (await rules.save(save)),
    removeRule: async (remove) => standbyProblem((problem) => fail([problem])) ?? (await rules.remove(remove)),
    resume: (asked) => standbyProblem(fail) ?? rules.resume(asked),
    resumeRestored: async (asked) => standbyProblem(fail) ?? (await acceptRestored({ ...asked, loop, store, clock, leading })),
    leads: () => loop.lead.leads && leading.leads(),
    override: overrides.set,
    overrides: () => overrideViews(loop, clock.now()),
    lift: async (asked) => standbyProblem(fail) ?? (await overrides.lift(asked)),
    events: ring.after,
    setInventory: (inventory) => give({ kind: 'inventory', inventory }),
    stop: async () => {
      stopped = true;
      unring?.();
      overrides.stop();
      cancelTick();
      cancelLead();
      following.stop();
      unwatchStore();
      unwatch();
      unring?.();
      for (const off of unsubscribe) off();
      await audit.stop();
      await leading.stop();
    },
  });

  /** The record's, as of now, when we do not lead. */
  async function targetRows(): Promise<readonly TargetRow[]> {
    if (!loop.lead.leads) return (await store.load()).targets;
    return [...loop.lead.targets.values()].flatMap(({ name, row }) => (row === null ? [] : [{ name, ...row, enrolled: true }]));
  }

  /** Refused, not forwarded: a token is one home's, and the audit names who asked where. */
  function standbyProblem<T>(refused: (problem: Problem) => T): T | null {
    return loop.lead.leads && leading.leads() ? null : refused(notLeading(leading.view()));
  }
}

function notLeading({ id, leader }: LeadView): Problem {
  const who = leader === null ? 'nobody leads at the moment' : `${leader.id} leads`;
  const todo = leader === null || leader.address === '' ? 'try again in a few seconds' : `ask ${leader.address}`;
  return { code: 'E-STANDBY', what: `${who}; this engine stands by`, at: id, todo };
}

function engineEntry({ clock, version, pid, holder }: EngineOptions, epoch: number): AuditEntry {
  const body = { what: 'engine started', version, pid, holder, epoch };
  return { id: 0, at: clock.now(), kind: 'engine', target: null, rule: null, revision: null, key: null, entries: [], body };
}
