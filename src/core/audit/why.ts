import type { AuditEntry } from '../../model/audit.ts';
import type { Entry, Table } from '../../model/table.ts';
import { actionText, matchText } from '../../model/text.ts';
import type { AckBody, DiffBody, IntentBody, ObservedBody } from './entries.ts';

/** The whole chain behind one entry, from what was seen to what it did; `missing` says which links the record does not hold. */
export type Why = {
  readonly entry: string;
  readonly inForce: boolean;
  readonly summary: string;
  readonly rule: { readonly name: string; readonly revision: number; readonly line: number; readonly text: string } | null;
  readonly key: string | null;
  readonly decision: { readonly at: number; readonly instant: string; readonly values: Readonly<Record<string, unknown>> } | null;
  readonly placement: { readonly target: string; readonly reason: string } | null;
  readonly diff: {
    readonly at: number;
    readonly target: string;
    readonly revision: number;
    readonly table: number;
    readonly hash: string;
    readonly op: string;
  } | null;
  readonly acknowledgement: { readonly at: number; readonly result: string; readonly instance: string } | null;
  readonly observed: { readonly at: number; readonly afterMs: number; readonly request: Readonly<Record<string, unknown>> } | null;
  readonly ended: { readonly at: number; readonly why: string; readonly revision: number } | null;
  readonly missing: readonly string[];
};

/**
 * Reads the chain of an entry at a target out of the audit: the newest time that it was put there.
 * @param audit every audit entry that names it, oldest first.
 * @param tables what is committed now, by target.
 */
export function why(id: string, target: string, audit: readonly AuditEntry[], tables: ReadonlyMap<string, Table>): Why {
  const put = audit.findLast((a) => a.kind === 'diff' && a.target === target && opOf(a, id)?.op === 'put') ?? null;
  const putBody = put === null ? null : (put.body as DiffBody);
  const since = put === null ? audit : audit.filter((a) => a.id >= put.id);
  const drop = since.find((a) => a.kind === 'diff' && a.target === target && opOf(a, id)?.op === 'drop') ?? null;
  const intent = audit.findLast((a) => a.kind === 'intent' && (put === null || a.id <= put.id)) ?? null;
  const body = intent === null ? null : (intent.body as IntentBody);
  const ack =
    since.find((a) => a.kind === 'ack' && a.target === target && (a.body as AckBody).revision >= (putBody?.revision ?? 0)) ?? null;
  const seen = since.find((a) => a.kind === 'observed' && a.target === target) ?? null;
  const held = (tables.get(target) ?? []).find((e) => e.id === id) ?? null;
  return {
    entry: id,
    inForce: held !== null,
    summary: held === null ? `was at ${target}` : summaryOf(held),
    rule:
      intent === null || body === null
        ? null
        : { name: intent.rule ?? '', revision: intent.revision ?? 0, line: body.line, text: body.when },
    key: intent?.key ?? held?.owner.key ?? null,
    decision: intent === null || body === null ? null : { at: intent.at, instant: body.instant, values: body.values },
    placement: put === null ? null : { target, reason: opOf(put, id)?.reason ?? '' },
    diff:
      put === null || putBody === null
        ? null
        : { at: put.at, target, revision: putBody.revision, table: putBody.table, hash: putBody.hash, op: 'put' },
    acknowledgement: ack === null ? null : { at: ack.at, result: (ack.body as AckBody).result, instance: (ack.body as AckBody).instance },
    observed: seen === null ? null : { at: seen.at, ...pick(seen.body as ObservedBody) },
    ended: drop === null ? null : { at: drop.at, why: opOf(drop, id)?.reason ?? '', revision: (drop.body as DiffBody).revision },
    missing: [
      ...(intent === null ? ['no intent names this entry: decided before this record begins'] : []),
      ...(put === null ? ['no diff puts it at this target'] : []),
      ...(ack === null ? ['not acknowledged: whether the target has it is not known'] : []),
      ...(seen === null ? ['not observed: no request has shown its effect yet'] : []),
    ],
  };
}

function opOf(a: AuditEntry, id: string): { readonly op: string; readonly reason: string } | undefined {
  return (a.body as DiffBody).ops.find((o) => o.id === id);
}

const pick = ({ afterMs, request }: ObservedBody) => ({ afterMs, request });

const summaryOf = (e: Entry): string => `${e.stage} ${e.priority}: ${matchText(e.match)} → ${actionText(e.action)}`;
