import { applyOps, diffTables } from '../../model/diff.ts';
import { assert } from '../../model/problem.ts';
import type { RevisionRow } from '../../model/revision.ts';
import type { Op, Table } from '../../model/table.ts';
import { entriesMax, messageBytesMax, opsMax, protocolVersion, rowsPerCommitMax } from '../limits.ts';
import { encode, tableBytes, tableHash } from './bytes.ts';
import { ops as checkOps } from './entry.ts';
import type { Diff } from './messages.ts';
import { isOverridden } from './above.ts';
import { report, sendCommitted, sendDue } from './speak.ts';
import type { Committed, LeadTarget, LeadTurn } from './types.ts';

/** What a snapshot holds beside its entries, generously. */
const snapshotFrameBytes = 4 * 1024;

/** Turns what is wanted into revisions, when nothing is under way and nothing stands against it. */
export function tryCommit(turn: LeadTurn): void {
  const { lead, out } = turn;
  const { wanted } = lead;
  if (wanted === null || lead.commit !== null || !lead.ready || lead.behind.size > 0) return;
  const table = lead.table + 1;
  const { rows, rest } = nextRevisions(turn, wanted.tables, table);
  const first = lead.done + 1;
  const last = rest.size === 0 ? wanted.number : lead.done;
  lead.wanted = rest.size === 0 ? null : { number: wanted.number, tables: rest };
  if (rows.length === 0) {
    lead.done = last;
    return void out.push({ kind: 'settled', first, last });
  }
  lead.commit = { rows, last, table };
  out.push({ kind: 'commit', epoch: lead.epoch, first, last, table, rows });
}

/** As many as one commit takes, and what is left for the next. */
function nextRevisions(turn: LeadTurn, tables: ReadonlyMap<string, Table>, table: number) {
  const rows: RevisionRow[] = [];
  const rest = new Map(tables);
  for (const [name, entries] of tables) {
    if (rows.length === rowsPerCommitMax) break;
    rest.delete(name);
    const target = turn.lead.targets.get(name);
    if (target === undefined || target.row === null) {
      report(turn, 'not-enrolled', name, 'a table for a target that is not enrolled');
      continue;
    }
    if (isOverridden(turn.lead, name, turn.now.wallMs)) {
      // Wanted anew when it is over: what is right then is not known now.
      report(turn, 'frozen', name, 'a table for a target under an override');
      continue;
    }
    const row = nextRevision(turn, target, target.row, { entries, table });
    if (row !== null) rows.push(row);
  }
  return { rows, rest };
}

/** Only now may anybody hear of it. */
export function onCommitted(turn: LeadTurn, outbox: readonly number[]): void {
  const { lead, out } = turn;
  const { commit } = lead;
  assert(commit !== null, 'a commit was under way');
  lead.commit = null;
  lead.table = commit.table;
  lead.done = commit.last;
  for (const row of commit.rows) {
    const target = lead.targets.get(row.target);
    assert(target !== undefined, 'a committed target is known');
    target.row = { epoch: row.epoch, revision: row.revision, hash: row.hash, entries: row.entries };
    sendCommitted(turn, target, row);
  }
  if (outbox.length > 0) out.push({ kind: 'mark', outbox });
  sendDue(turn);
}

/** The database may be another one by now: nothing is sent that was not read back, and the next commit has a new epoch. */
export function onFailed(turn: LeadTurn, why: 'stale' | 'unknown' | 'down'): void {
  const { lead, out } = turn;
  const { commit } = lead;
  assert(commit !== null, 'a commit was under way');
  lead.commit = null;
  lead.ready = false;
  // What was wanted is wanted still, unless something newer is: against the tables that will have been read back.
  const tables = new Map(commit.rows.map((row) => [row.target, row.entries]));
  lead.wanted = { number: lead.wanted?.number ?? commit.last, tables: new Map([...tables, ...(lead.wanted?.tables ?? [])]) };
  out.push({ kind: 'reload', why });
}

/** The row that takes a target from what is committed to `entries`; null: nothing changes, or it cannot be published (and that is said). */
function nextRevision(
  turn: LeadTurn,
  target: LeadTarget,
  row: Committed,
  to: { readonly entries: Table; readonly table: number },
): RevisionRow | null {
  const { lead, now } = turn;
  const ops = diffTables(row.entries, to.entries);
  if (ops.length === 0) return null;
  const cannot = (reason: string, what: string) => {
    report(turn, reason, target.name, what);
    return null;
  };
  if (ops.length > opsMax || to.entries.length > entriesMax)
    return cannot('too-large', `${ops.length} operations, ${to.entries.length} entries`);
  const hash = tableHash(target.name, to.entries, target.leaves);
  const wrong = unfit(row.entries, to.entries, ops);
  if (wrong !== null) return cannot('malformed', wrong);
  const diff: Diff = {
    v: protocolVersion,
    target: target.name,
    at: now.wallMs,
    issued: now.wallMs,
    epoch: lead.epoch,
    revision: row.revision + 1,
    table: to.table,
    base: row.revision,
    baseHash: row.hash,
    ops,
    hash,
  };
  const bytes = encode(diff);
  const whole = tableBytes(to.entries, target.leaves) + snapshotFrameBytes;
  if (bytes.length > messageBytesMax || whole > messageBytesMax)
    return cannot('too-large', `a diff of ${bytes.length}, a table of ${whole} bytes`);
  return {
    target: target.name,
    revision: diff.revision,
    epoch: lead.epoch,
    table: to.table,
    base: diff.base,
    baseHash: diff.baseHash,
    hash: diff.hash,
    entries: to.entries,
    bytes,
    keyId: lead.options.keyId,
    signature: lead.options.sign('diff', bytes),
    at: now.wallMs,
  };
}

/** What a receiver would refuse the diff for, and every one after it; null: nothing. */
function unfit(from: Table, to: Table, ops: readonly Op[]): string | null {
  const wrong = checkOps(ops, 'ops');
  if (wrong !== null) return wrong;
  const result = applyOps(from, ops);
  if (!result.ok) return result.problem.what;
  const other = to.findIndex((entry, i) => !alike(entry, result.value[i]));
  return other < 0 && result.value.length === to.length ? null : `${to[other]?.id ?? ''} stands for two different entries`;
}

/** Equal as JSON; hashing both would cost twenty times as much. */
function alike(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || Array.isArray(a) !== Array.isArray(b)) return false;
  const [one, two] = [Object.entries(a), new Map<string, unknown>(Object.entries(b))];
  return one.length === two.size && one.every(([name, value]) => two.has(name) && alike(value, two.get(name)));
}
