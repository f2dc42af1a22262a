import { createHold, step } from '../../src/core/hold/hold.ts';
import type { Effect, Hold, HoldFile, HoldOptions, Input } from '../../src/core/hold/types.ts';
import { encode, tableHash } from '../../src/core/publish/bytes.ts';
import type { Ack, Announce, Diff, Head, Snapshot } from '../../src/core/publish/messages.ts';
import type { DownChannel, SignedKind } from '../../src/core/publish/subjects.ts';
import { diffTables } from '../../src/model/diff.ts';
import type { Table } from '../../src/model/table.ts';
import { byId, capabilities } from './fixtures.ts';
import { realKey } from './keys.ts';
import { seeded } from './random.ts';

export const target = 'side-1';
export const startMs = 1_700_000_000_000;
export const epoch = startMs;
export const key = realKey('00112233aabbccdd');
export const instance = { adapter: 'a1', boot: 7 };

/** One hold on a table of its own: what it asks of disk and device is done at once, unless a test takes that over. */
export function bench(options: Partial<HoldOptions> = {}) {
  let nowMs = 1_000;
  let disk: HoldFile | null = options.file ?? null;
  let device: Table | null = null;
  const done: Effect[] = [];
  const hold: Hold = createHold({
    target,
    instance,
    file: null,
    kind: 'builtin',
    capabilities,
    sees: { services: ['checkout'] },
    address: null,
    onEmpty: 'closed',
    verify: key.verify,
    draw: seeded(1),
    wallMs: startMs,
    monoMs: nowMs,
    ...options,
  });
  const give = (input: Input): readonly Effect[] => {
    const effects = step(hold, input, nowMs);
    done.push(...effects);
    for (const effect of effects) {
      if (effect.kind === 'save') {
        disk = effect.file;
        give({ kind: 'saved', ok: true });
      }
      if (effect.kind === 'apply') {
        device = effect.table;
        give({ kind: 'applied', rejected: null });
      }
    }
    return effects;
  };
  const texts = (channel: 'announce' | 'ack'): readonly unknown[] =>
    done.flatMap((e) => (e.kind === 'send' && e.channel === channel ? [JSON.parse(Buffer.from(e.payload).toString('utf8'))] : []));
  return {
    hold,
    give,
    /** Lets time pass in ticks of 50 ms. */
    wait: (ms: number): void => {
      for (const end = nowMs + ms; nowMs < end;) {
        nowMs += 50;
        give({ kind: 'tick' });
      }
    },
    now: () => nowMs,
    disk: () => disk,
    device: () => device,
    done,
    acks: () => texts('ack') as readonly Ack[],
    announces: () => texts('announce') as readonly Announce[],
    reports: () => done.flatMap((e) => (e.kind === 'report' ? [e.reason] : [])),
    receive: (channel: DownChannel, message: object, by = key, kind: SignedKind = channel): readonly Effect[] => {
      const payload = encode(message);
      return give({ kind: 'message', channel, payload, key: by.keyId, signature: by.sign(kind, payload) });
    },
    /** Everything a message may change. */
    state: (): string => JSON.stringify([disk, device, hold.file.held?.revision, hold.file.ended, hold.file.fence, hold.clock]),
  };
}
export type Bench = ReturnType<typeof bench>;

/** Engine time at the bench, when its clock was never corrected. */
export const engineNow = (b: Bench): number => startMs + b.now() - 1_000;

export function snapshotOf(b: Bench, revision: number, entries: Table, more: Partial<Snapshot> = {}): Snapshot {
  const now = engineNow(b);
  return {
    v: 1,
    target,
    at: now,
    nonce: b.hold.ask.nonce ?? '00'.repeat(16),
    instance,
    grant: { epoch, n: 1, instance },
    epoch,
    revision,
    hash: tableHash(target, entries),
    issued: now,
    entries,
    overrides: [],
    lifted: [],
    keySet: null,
    part: 0,
    parts: 1,
    hashes: [],
    ...more,
  };
}

export function headOf(b: Bench, revision: number, entries: Table, more: Partial<Head> = {}): Head {
  const now = engineNow(b);
  const grant = { epoch, n: 1, instance };
  const hash = tableHash(target, entries);
  return { v: 1, target, at: now, epoch, revision, hash, issued: now, grant, overrides: [], lifted: [], keySet: null, ...more };
}

export function diffOf(b: Bench, revision: number, from: Table, to: Table, more: Partial<Diff> = {}): Diff {
  const now = engineNow(b);
  const [base, baseHash] = [revision - 1, tableHash(target, from)];
  const hash = tableHash(target, to);
  return { v: 1, target, at: now, issued: now, epoch, revision, table: 1, base, baseHash, ops: diffTables(from, to), hash, ...more };
}

/** A bench that holds this table as revision `revision`, answered by the engine. */
export function holding(entries: Table, revision = 3, options: Partial<HoldOptions> = {}): Bench {
  const b = bench(options);
  b.give({ kind: 'start' });
  b.receive('snapshot', snapshotOf(b, revision, byId(entries)));
  return b;
}
