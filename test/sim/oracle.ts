import { canon } from '../../src/model/canon.ts';
import type { HoldFile } from '../../src/core/hold/types.ts';
import { parsePayload } from '../../src/core/publish/bytes.ts';
import type { OverrideMode } from '../../src/model/override.ts';
import type { Entry, Table } from '../../src/model/table.ts';
import type { Record } from './record.ts';

export class Violation extends Error {}

export function must(condition: boolean, what: string): void {
  if (!condition) throw new Violation(what);
}

type Place = { readonly revision: number; readonly hash: string };

/**
 * What protocol.md says of one adapter, written apart from the code: it sees what was delivered, what is saved and what the device is
 * given, and knows nothing of the hold.
 */
export type Oracle = {
  /** A new life of the adapter, with what its disk holds. */
  readonly started: (disk: HoldFile | null) => void;
  readonly asked: (nonce: string) => void;
  readonly delivered: (channel: string, payload: Uint8Array) => void;
  readonly saving: (file: HoldFile) => void;
  readonly failed: () => void;
  readonly saved: (file: HoldFile) => void;
  readonly applying: (given: {
    readonly table: Table;
    readonly revision: number | null;
    readonly engineTime: number;
    readonly device: Table | null;
    /** The disk never fails in this seed. */
    readonly strict: boolean;
  }) => void;
  /** The device took what it was given last. */
  readonly accepted: () => void;
};

export function createOracle(target: string, record: Record, latest: () => number): Oracle {
  let disk: HoldFile | null = null;
  /** The file that is being, or was last, saved. */
  let file: HoldFile | null = null;
  let before: HoldFile | null = null;
  let tried: HoldFile | null = null;
  let confirmed: Place | null = null;
  let given: Place | null = null;
  const nonces = new Set<string>();
  const spent = new Set<string>();
  const ended = new Set<string>();
  const diffs = new Set<string>();
  const epochs = new Map<string, number>();
  const snapshots = new Map<string, { readonly place: string; readonly nonce: string }[]>();

  const justified = (from: Place | null, to: Place, fence: number): boolean => {
    if (from !== null) {
      const by = `${from.revision}:${from.hash}>${to.revision}:${to.hash}`;
      if (diffs.has(by) && (epochs.get(by) ?? 0) >= fence) return true;
    }
    const place = `${to.revision}:${to.hash}`;
    const answer = (snapshots.get(place) ?? []).find(({ nonce }) => nonces.has(nonce) && !spent.has(nonce));
    if (answer === undefined) return false;
    spent.add(answer.nonce);
    return true;
  };

  return {
    started: (from) => {
      disk = from;
      tried = from;
      for (const one of from?.ended ?? []) ended.add(pair(one));
      file = from;
      nonces.clear();
      diffs.clear();
      snapshots.clear();
    },
    asked: (nonce) => nonces.add(nonce),
    delivered: (channel, payload) => {
      const value = parsePayload(payload);
      if (!value.ok) return;
      const message = value.value as { [name: string]: unknown };
      if (channel === 'diff') {
        const by = `${message['base']}:${message['baseHash']}>${message['revision']}:${message['hash']}`;
        diffs.add(by);
        epochs.set(by, Math.max(epochs.get(by) ?? 0, Number(message['epoch'])));
      }
      if (channel === 'snapshot') {
        const place = `${message['revision']}:${message['hash']}`;
        snapshots.set(place, [...(snapshots.get(place) ?? []), { place, nonce: String(message['nonce']) }]);
      }
    },
    saving: (next) => {
      must(next.fence >= (disk?.fence ?? 0), `the fence goes back from ${disk?.fence} to ${next.fence}`);
      checkOverrides(disk, next, confirmed);
      // An override goes on without a disk that fails.
      mustStay(tried?.mode ?? null, next);
      tried = next;
      const early = next.ended.find((e) => e.until > latest());
      must(early === undefined, `an entry has ended ${(early?.until ?? 0) - latest()} ms before its until`);
      const [from, to] = [file?.held ?? null, next.held];
      if (to === null) must(confirmed === null, 'a table in force is forgotten');
      else {
        must(record.ever(target, to.revision, to.hash) !== undefined, `revision ${to.revision} was never committed`);
        must(confirmed === null || to.revision >= confirmed.revision, `revision ${to.revision} after ${confirmed?.revision}`);
        must(
          confirmed?.revision !== to.revision || confirmed.hash === to.hash,
          `another table of revision ${to.revision} than the one in force`,
        );
        // What the device refused is taken back: the file is again what it was.
        const isUndone = before?.held != null && same(before.held, to);
        if (!same(from, to) && !same(confirmed, to) && !isUndone) {
          must(justified(from, to, disk?.fence ?? 0), `nothing delivered leads from ${from?.revision} to ${to.revision}`);
        }
      }
      before = file;
      file = next;
    },
    failed: () => {
      file = before;
    },
    saved: (now) => {
      disk = now;
      // What an adoption that the device then refuses has ended, nobody ever saw in force: nothing changes.
      if (now.held === null || confirmed === null || same(confirmed, now.held)) for (const one of now.ended) ended.add(pair(one));
    },
    applying: ({ table, revision, engineTime, device, strict }) => {
      if (revision === null) {
        must(disk?.held === null || disk === null || !strict, 'the device is closed though a table is held');
        given = null;
        return;
      }
      const held = disk?.held ?? null;
      // While the disk fails, the table in force may lose what is over though the file says otherwise; none may be switched on.
      if (!strict && revision === confirmed?.revision && held?.revision !== revision) {
        given = confirmed;
        return;
      }
      must(held?.revision === revision, `the device gets revision ${revision}, the disk holds ${held?.revision}`);
      if (held === null) return;
      const whole = record.ever(target, held.revision, held.hash) ?? [];
      given = held;
      // A lease end goes on without a disk that fails; a table does not.
      if (!strict) return;
      const gone = new Set(disk?.ended.map(pair));
      const left = under(disk, whole).filter((e) => e.until === null || !gone.has(pair(leased(e))));
      must(canon(table) === canon(left), `the device gets something else than revision ${revision} minus what ended, under ${disk?.mode}`);
      const frozen = disk !== null && (disk.mode === 'freeze' || disk.mode === 'revert' || (disk.graceUntil ?? 0) > engineTime);
      const inForce = new Set(device?.map((e) => `${e.id}:${e.until}`));
      for (const e of table) {
        if (e.until === null) continue;
        must(!ended.has(pair(leased(e))), `${e.id} comes back with the same until`);
        must(
          e.until > engineTime || frozen || inForce.has(pair(leased(e))),
          `${e.id} is installed ${engineTime - e.until} ms past its until`,
        );
      }
    },
    accepted: () => {
      if (given !== null) confirmed = given;
      for (const one of disk?.ended ?? []) ended.add(pair(one));
    },
  };
}

/** What is lifted stays lifted, and under an override no other table is taken, unless there was none. */
function checkOverrides(disk: HoldFile | null, next: HoldFile, confirmed: Place | null): void {
  if (disk === null) return;
  const lifted = new Set(next.lifted.map(({ id }) => id));
  const back = disk.lifted.find(({ id }) => !lifted.has(id));
  must(back === undefined, `the lifted ${back?.id} is forgotten`);
  const again = next.overrides.find(({ id }) => lifted.has(id));
  must(again === undefined, `the lifted ${again?.id} counts again`);
  if (disk.mode === null || disk.held === null || next.mode === null) return;
  // What the device refused is taken back.
  const isUndone = same(confirmed, next.held ?? { revision: 0, hash: '' }) || (confirmed === null && next.held === null);
  must(isUndone || next.held?.revision === disk.held.revision, `revision ${next.held?.revision} is taken through a ${disk.mode}`);
}

/** The strictest stays until the last is gone. */
function mustStay(mode: OverrideMode | null, next: HoldFile): void {
  const rank = [null, 'freeze', 'revert', 'off'];
  must(next.mode === null || rank.indexOf(next.mode) >= rank.indexOf(mode), `${mode} gives way to ${next.mode}`);
}

/** What a table forwards under the file's override. */
function under(disk: HoldFile | null, whole: Table): Table {
  if (disk?.mode === 'off') return whole.filter(({ until }) => until === null);
  if (disk?.mode !== 'revert') return whole;
  const ids = (table: Table): string => table.map(({ id }) => id).join();
  const before = disk.older.find(({ entries }) => ids(entries) !== ids(whole));
  return before === undefined ? whole : before.entries.map((one) => whole.find(({ id }) => id === one.id) ?? one);
}

const same = (a: Place | null, b: Place): boolean => a?.revision === b.revision && a.hash === b.hash;
const leased = (e: Entry) => ({ id: e.id, until: e.until ?? 0 });
const pair = ({ id, until }: { readonly id: string; readonly until: number }): string => `${id}:${until}`;
