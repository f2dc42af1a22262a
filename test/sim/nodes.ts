import type { Effect, Hold, HoldFile, HoldOptions, Input } from '../../src/core/hold/types.ts';
import type { Lead, LeadEffect, LeadInput, LeadOptions } from '../../src/core/publish/types.ts';
import type { Override } from '../../src/model/override.ts';
import type { Table } from '../../src/model/table.ts';
import { capabilities, fakeSign, fakeVerify } from '../protocol/fixtures.ts';
import { createOracle, must } from './oracle.ts';
import type { Desk } from './people.ts';
import type { Seeded } from '../protocol/random.ts';
import type { Record } from './record.ts';
import type { Code, World } from './world.ts';

export type Faults = {
  on: boolean;
  readonly loss: number;
  readonly dup: number;
  readonly slow: number;
  readonly device: number;
  readonly disk: number;
  readonly commit: number;
};

export type Setting = {
  readonly code: Code;
  readonly world: World;
  readonly random: Seeded;
  readonly record: Record;
  readonly faults: Faults;
  readonly desk: Desk;
  readonly more?: More;
};

/** What a simulation adds to the plain one. */
export type More = {
  readonly hold: Partial<HoldOptions>;
  readonly lead: Partial<LeadOptions>;
  /** What the engine is given before it loads. */
  readonly first: () => readonly LeadInput[];
  readonly saving: (target: string, file: HoldFile) => void;
  readonly saved: (target: string, file: HoldFile) => void;
  readonly engineSends: (effect: Extract<LeadEffect, { readonly kind: 'send' }>) => void;
};

const keyId = '0123456789abcdef';
const secret = 'the engine';
const verify = fakeVerify(keyId, secret);

export type Wire = {
  readonly channel: string;
  readonly target: string;
  readonly payload: Uint8Array;
  readonly key: string;
  readonly signature: string;
};

/** One adapter with its disk and its device, through all its lives. */
export function createAdapter(
  { code, world, random, record, faults, more }: Setting,
  options: { readonly target: string; readonly send: (message: Wire) => void; readonly outlives: boolean; readonly wallOffsetMs: number },
) {
  const { target, send } = options;
  // The engine's clock is true; an adapter's own may be off until it has heard from the engine.
  const latest = (): number => world.now() + Math.max(0, options.wallOffsetMs) + 50;
  const oracle = createOracle(target, record, latest);
  let disk: string | null = null;
  let device: Table | null = null;
  let hold: Hold | null = null;
  let life = 0;
  let bootMs = 0;
  let pendingSave: string | null = null;
  const drift = 1 + (random.next() - 0.5) * 1e-4;
  const mono = (): number => (world.now() - bootMs) * drift + 1_000;
  const fileOf = (text: string | null): HoldFile | null => (text === null ? null : JSON.parse(text));

  const give = (input: Input): void => {
    if (hold === null) return;
    for (const effect of code.holdStep(hold, input, mono())) carryOut(hold, effect);
  };
  const later = (ms: number, run: () => void): void => {
    const mine = life;
    world.after(ms, () => {
      if (mine === life) run();
    });
  };
  const carryOut = (owner: Hold, effect: Effect): void => {
    if (effect.kind === 'send') {
      if (effect.channel === 'announce') oracle.asked(String(owner.ask.nonce));
      return send({ channel: effect.channel, target, payload: effect.payload, key: '', signature: '' });
    }
    if (effect.kind === 'save') return save(effect.file);
    if (effect.kind === 'apply') return apply(owner, effect.table, effect.revision);
    must(effect.kind !== 'stop', 'the only adapter was superseded');
  };
  const save = (file: HoldFile): void => {
    oracle.saving(file);
    more?.saving(target, file);
    const text = JSON.stringify(file);
    pendingSave = text;
    later(0.2 + random.next() * 4, () => {
      pendingSave = null;
      if (faults.on && random.chance(faults.disk)) {
        oracle.failed();
        return give({ kind: 'saved', ok: false });
      }
      disk = text;
      oracle.saved(file);
      more?.saved(target, file);
      give({ kind: 'saved', ok: true });
    });
  };
  const apply = (owner: Hold, table: Table, revision: number | null): void => {
    const engineTime = Math.floor(mono() + owner.clock.theta);
    oracle.applying({ table, revision, engineTime, device, strict: faults.disk === 0 });
    const refuses = revision !== null && faults.on && random.chance(faults.device);
    later(0.2 + random.next() * 2, () => {
      if (!refuses) device = table;
      later(random.next() * 2, () => {
        if (refuses) return give({ kind: 'applied', rejected: [{ id: 'f'.repeat(32), code: 'E-TEST', text: 'not today' }] });
        oracle.accepted();
        give({ kind: 'applied', rejected: null });
      });
    });
  };
  const tick = (): void => {
    later(100, () => {
      give({ kind: 'tick' });
      tick();
    });
  };

  return {
    target,
    start: (): void => {
      life += 1;
      bootMs = world.now();
      const file = fileOf(disk);
      const wallMs = world.now() + options.wallOffsetMs;
      oracle.started(file);
      hold = code.createHold({
        target,
        instance: { adapter: `adapter-${target}`, boot: Math.max((file?.boot ?? 0) + 1, Math.floor(wallMs)) },
        file,
        kind: 'builtin',
        capabilities,
        sees: { services: ['checkout'] },
        address: null,
        onEmpty: 'closed',
        verify,
        draw: random,
        wallMs,
        monoMs: mono(),
        ...more?.hold,
      });
      give({ kind: 'start' });
      tick();
    },
    crash: (): void => {
      if (hold === null) return;
      life += 1;
      hold = null;
      // A save that was under way may have made it.
      if (pendingSave !== null && random.chance(0.5)) {
        disk = pendingSave;
        const file = fileOf(disk);
        if (file !== null) {
          oracle.saved(file);
          more?.saved(target, file);
        }
      }
      pendingSave = null;
      if (!options.outlives) device = null;
    },
    alive: (): boolean => hold !== null,
    deliver: ({ channel, payload, key, signature }: Wire): void => {
      if (channel !== 'diff' && channel !== 'head' && channel !== 'snapshot' && channel !== 'override') return;
      if (hold !== null) oracle.delivered(channel, payload);
      give({ kind: 'message', channel, payload, key, signature });
    },
    connected: (): void => give({ kind: 'connected' }),
    /** A person at its socket. */
    ask: (asked: Extract<Input, { kind: 'override' | 'lift' }>): void => give(asked),
    hold: (): Hold | null => hold,
    device: (): Table | null => device,
    disk: (): HoldFile | null => fileOf(disk),
  };
}
export type AdapterNode = ReturnType<typeof createAdapter>;

/** The engine, through all its lives; the record outlives it. */
export function createEngine(
  { code, world, random, record, faults, desk, more }: Setting,
  options: { readonly send: (message: Wire) => void; readonly restored: () => boolean },
) {
  let lead: Lead | null = null;
  let life = 0;
  let numbers = 0;
  /** Epochs in which a commit's outcome was left open. */
  const doubtful = new Set<number>();
  let isBehind = false;

  const give = (input: LeadInput): void => {
    if (lead === null) return;
    const now = { monoMs: world.now(), wallMs: world.now() };
    for (const effect of code.leadStep(lead, input, now)) carryOut(effect);
  };
  const later = (ms: number, run: () => void): void => {
    const mine = life;
    world.after(ms, () => {
      if (mine === life) run();
    });
  };
  const carryOut = (effect: LeadEffect): void => {
    switch (effect.kind) {
      case 'send':
        if (effect.channel === 'diff') checkDiff(effect.payload, effect.target);
        more?.engineSends(effect);
        return options.send({ ...effect, key: effect.keyId });
      case 'commit':
        return commit(effect);
      case 'reload':
        return later(20 + random.integer(200), load);
      case 'enrol':
        return later(1 + random.integer(20), () => give({ kind: 'enrolled', target: effect.target, row: record.enrol(effect.target) }));
      case 'lookup':
        return later(1 + random.integer(20), () => {
          const { target, revision } = effect;
          give({ kind: 'history', target, revision, hash: record.hashOf(target, revision) });
        });
      case 'mark':
        return record.mark(effect.outbox);
      case 'behind':
        must(options.restored(), `${effect.target} is said to be ahead of a record that lost nothing`);
        isBehind = true;
        return;
      case 'learned':
        return desk.save(effect.override);
      case 'over':
      case 'target':
      case 'settled':
      case 'delivery':
      case 'ended':
      case 'report':
        return;
    }
  };
  const checkDiff = (payload: Uint8Array, target: string): void => {
    const { revision, hash } = JSON.parse(Buffer.from(payload).toString('utf8'));
    must(record.ever(target, revision, hash) !== undefined, `revision ${revision} is sent, and was never committed`);
  };
  const commit = ({ rows, epoch }: Extract<LeadEffect, { kind: 'commit' }>): void => {
    must(!isBehind, 'a commit by an engine that knows it is behind');
    must(!doubtful.has(epoch), 'a commit in an epoch whose last commit is in doubt');
    const fault = faults.on && random.chance(faults.commit) ? random.pick(['unknown', 'down'] as const) : null;
    const reaches = fault === null || (fault === 'unknown' && random.chance(0.5));
    // The engine may die between the commit and its answer; the record does not care.
    world.after(random.next() * 10, () => {
      if (reaches) record.commit(epoch, rows);
    });
    later(10 + random.next() * 10, () => {
      if (fault !== null) {
        doubtful.add(epoch);
        return give({ kind: 'failed', why: fault });
      }
      const stands = rows.every((row) => record.hashOf(row.target, row.revision) === row.hash);
      give(stands ? { kind: 'committed', outbox: record.outboxOf(rows) } : { kind: 'failed', why: 'stale' });
    });
  };
  const load = (): void => {
    const epoch = record.takeEpoch(Math.floor(world.now()));
    give({ kind: 'lift', ids: desk.lifted() });
    for (const override of desk.active(world.now())) give({ kind: 'override', override });
    give({ kind: 'loaded', epoch, targets: record.targets(), table: record.table(), unsent: record.unsent() });
  };
  const tick = (): void => {
    later(100, () => {
      give({ kind: 'tick' });
      tick();
    });
  };

  return {
    start: (): void => {
      life += 1;
      numbers = 0;
      isBehind = false;
      lead = code.createLead({ keyId, sign: fakeSign(secret), verify, ...more?.lead });
      for (const input of more?.first() ?? []) give(input);
      load();
      tick();
    },
    crash: (): void => {
      life += 1;
      lead = null;
    },
    alive: (): boolean => lead !== null,
    want: (tables: ReadonlyMap<string, Table>): void => give({ kind: 'wanted', number: ++numbers, tables }),
    override: (override: Override): void => {
      desk.save(override);
      give({ kind: 'override', override });
    },
    /** Committed, then told. */
    lift: (ids: readonly string[]): void => {
      desk.lift(ids);
      give({ kind: 'lift', ids });
    },
    deliver: ({ channel, target, payload }: Wire): void => {
      if (channel === 'announce' || channel === 'ack') give({ kind: channel, target, payload });
    },
    connected: (): void => give({ kind: 'connected' }),
    give,
    lead: (): Lead | null => lead,
  };
}
export type EngineNode = ReturnType<typeof createEngine>;
