import { compareText } from './order.ts';
import { fail, ok, type Result } from './problem.ts';
import type { Entry, Op, Table } from './table.ts';

/**
 * What turns one table into the next (protocol.md section 2): ids ascending, at most one operation an id, none that changes nothing. Equal
 * ids are equal intents (the id hashes all but `until`), so an id in both tables can only be renewed.
 */
export function diffTables(from: Table, to: Table): readonly Op[] {
  const before = new Map(from.map((entry) => [entry.id, entry]));
  const after = new Map(to.map((entry) => [entry.id, entry]));
  const ids = [...new Set([...before.keys(), ...after.keys()])].sort(compareText);
  return ids.flatMap((id): readonly Op[] => {
    const [old, now] = [before.get(id), after.get(id)];
    if (now === undefined) return [{ op: 'drop', id }];
    if (old === undefined) return [{ op: 'put', id, entry: now }];
    return old.until === now.until ? [] : [{ op: 'renew', id, until: now.until }];
  });
}

/**
 * The table after the operations, in one pass.
 * Errors: E-OPS when the diff is not in normal form or was not made for this table; nothing is applied then.
 */
export function applyOps(table: Table, ops: readonly Op[]): Result<Table> {
  const entries = new Map(table.map((entry) => [entry.id, entry]));
  let last = '';
  for (const op of ops) {
    if (compareText(op.id, last) <= 0) return broken(op.id, 'ids must ascend, each once');
    last = op.id;
    const wrong = applyOne(entries, op);
    if (wrong !== null) return broken(op.id, wrong);
  }
  return ok([...entries.values()].sort((a, b) => compareText(a.id, b.id)));
}

function applyOne(entries: Map<string, Entry>, op: Op): string | null {
  const held = entries.get(op.id);
  if (op.op === 'put') {
    if (held !== undefined) return 'it is held already';
    if (op.entry.id !== op.id) return 'its entry has another id';
    entries.set(op.id, op.entry);
    return null;
  }
  if (held === undefined) return 'it is not held';
  if (op.op === 'drop') entries.delete(op.id);
  else if (held.until === op.until) return 'it changes nothing';
  else entries.set(op.id, { ...held, until: op.until });
  return null;
}

const broken = (id: string, why: string): Result<Table> =>
  fail({ code: 'E-OPS', what: `operation on ${id}: ${why}`, at: id, todo: 'ask for a snapshot' });
