import { tableHash } from '../../src/core/publish/bytes.ts';
import type { LeaderRow } from '../../src/model/leader.ts';
import type { RevisionRow, TargetRow } from '../../src/model/revision.ts';
import type { Table } from '../../src/model/table.ts';
import type { Seeded } from '../protocol/random.ts';

/** The database of a simulated world: what was committed, what is still to be sent, and everything that was ever committed. */
export type Record = {
  readonly rowOf: (target: string) => TargetRow | null;
  readonly enrol: (target: string) => TargetRow;
  readonly targets: () => readonly TargetRow[];
  readonly takeEpoch: (nowMs: number) => number;
  readonly leader: () => LeaderRow;
  /** Like the store's: the row must still be what was seen. */
  readonly take: (ask: {
    readonly holder: string;
    readonly over: { readonly epoch: number; readonly beat: number | null };
    readonly floor: number;
    readonly adopts: boolean;
    readonly nowMs: number;
  }) => { readonly epoch: number } | { readonly refused: LeaderRow };
  readonly beat: (of: { readonly holder: string; readonly epoch: number }) => 'held' | 'lost';
  readonly adopted: () => number;
  /** Like the store's: 'stale' when another epoch leads or a base does not fit. */
  readonly commit: (epoch: number, rows: readonly RevisionRow[]) => 'committed' | 'stale';
  readonly unsent: () => readonly { readonly id: number; readonly row: RevisionRow }[];
  readonly mark: (ids: readonly number[]) => void;
  readonly outboxOf: (rows: readonly RevisionRow[]) => readonly number[];
  readonly hashOf: (target: string, revision: number) => string | null;
  readonly table: () => number;
  /** The entries of a revision that was ever committed, restored away or not; undefined: never. */
  readonly ever: (target: string, revision: number, hash: string) => Table | undefined;
  readonly backup: () => void;
  /** Goes back to the last backup. */
  readonly restore: () => void;
};

type State = {
  epoch: number;
  holder: string;
  beat: number;
  adopted: number;
  nextId: number;
  targets: Map<string, TargetRow>;
  rows: Map<string, RevisionRow>;
  outbox: { readonly id: number; readonly row: RevisionRow; sent: boolean }[];
};

export function createRecord(random: Seeded): Record {
  let state: State = { epoch: 0, holder: '', beat: 0, adopted: 0, nextId: 1, targets: new Map(), rows: new Map(), outbox: [] };
  let saved: State = copy(state);
  const all = new Map<string, Table>();
  const name = (target: string, revision: number) => `${target}:${revision}`;
  return {
    rowOf: (target) => state.targets.get(target) ?? null,
    enrol: (target) => {
      const known = state.targets.get(target);
      if (known !== undefined) return known;
      const row = { name: target, revision: 0, hash: tableHash(target, []), epoch: 0, entries: [], enrolled: true };
      state.targets.set(target, row);
      all.set(`${target}:0:${row.hash}`, []);
      return row;
    },
    targets: () => [...state.targets.values()],
    takeEpoch: (nowMs) => (state.epoch = Math.max(state.epoch + 1, nowMs) + random.integer(64)),
    leader: () => ({ holder: state.holder, epoch: state.epoch, beat: state.beat, address: '' }),
    take: ({ holder, over, floor, adopts, nowMs }) => {
      const { epoch, beat } = state;
      if (epoch !== over.epoch || (over.beat !== null && beat !== over.beat))
        return { refused: { holder: state.holder, epoch, beat, address: '' } };
      state.epoch = Math.max(epoch + 1, nowMs, floor + 1) + random.integer(64);
      state.holder = holder;
      state.beat += 1;
      if (adopts) state.adopted = state.epoch;
      return { epoch: state.epoch };
    },
    beat: ({ holder, epoch }) => {
      if (holder !== state.holder || epoch !== state.epoch) return 'lost';
      state.beat += 1;
      return 'held';
    },
    adopted: () => state.adopted,
    commit: (epoch, rows) => {
      if (epoch !== state.epoch) return 'stale';
      for (const row of rows) {
        const own = state.targets.get(row.target);
        if (own?.revision !== row.base || own.hash !== row.baseHash || row.revision <= row.base) return 'stale';
        if (row.revision !== row.base + 1 && state.adopted === 0) return 'stale';
      }
      for (const row of rows) {
        const { target, revision, hash, entries } = row;
        state.targets.set(target, { name: target, revision, hash, epoch, entries, enrolled: true });
        state.rows.set(name(target, revision), row);
        state.outbox.push({ id: state.nextId++, row, sent: false });
        all.set(`${target}:${revision}:${hash}`, entries);
      }
      return 'committed';
    },
    unsent: () => state.outbox.filter(({ sent }) => !sent),
    mark: (ids) => {
      for (const one of state.outbox) if (ids.includes(one.id)) one.sent = true;
    },
    outboxOf: (rows) => state.outbox.filter(({ row }) => rows.includes(row)).map(({ id }) => id),
    hashOf: (target, revision) => state.rows.get(name(target, revision))?.hash ?? null,
    table: () => Math.max(0, ...[...state.rows.values()].map(({ table }) => table)),
    ever: (target, revision, hash) => all.get(`${target}:${revision}:${hash}`),
    backup: () => {
      saved = copy(state);
    },
    restore: () => {
      state = copy(saved);
    },
  };
}

const copy = (state: State): State => ({
  ...state,
  targets: new Map(state.targets),
  rows: new Map(state.rows),
  outbox: state.outbox.map((one) => ({ ...one })),
});
