import type { AuditEntry, AuditKind } from '../../model/audit.ts';
import type { CelText, Value } from '../../model/rule.ts';
import type { Op } from '../../model/table.ts';
import type { RpcRecord } from '../../model/record.ts';
import { formatTime } from '../../model/time.ts';
import type { Change, Intent } from '../decide/types.ts';
import { resolvedToJson, type TypedValues } from './resolved.ts';

/** The audit entries that the loop writes; core/audit/why.ts reads them back. `at` in ms since the epoch, UTC. */

/** Operations that a diff's audit body spells out; the ids of all are in `entries`. */
export const opsShownMax = 200;

export type DiffBody = {
  readonly table: number;
  readonly revision: number;
  readonly base: number;
  readonly epoch: number;
  readonly hash: string;
  readonly ops: readonly { readonly op: string; readonly id: string; readonly reason: string }[];
  readonly opsMore: number;
};

export type IntentBody = {
  readonly instant: string;
  readonly line: number;
  readonly when: string;
  readonly values: Readonly<Record<string, unknown>>;
  readonly mode: string;
  /** What its actions came to: an engine that starts anew goes on with these. */
  readonly resolved: readonly TypedValues[];
};

export type AckBody = {
  readonly revision: number;
  readonly hash: string;
  readonly result: string;
  readonly instance: string;
  readonly text: string;
};
export type ObservedBody = { readonly revision: number; readonly afterMs: number; readonly request: Readonly<Record<string, unknown>> };

export function verdictEntry(at: number, change: Change): AuditEntry {
  const { from, to, verdict, reason } = change;
  const body = { instant: formatTime(change.timeNs), from, to, verdict, reason, values: plainValues(change.values) };
  return entry({ at, kind: 'verdict', rule: change.rule, revision: change.revision, key: change.keyText, body });
}

export function intentEntry(of: {
  readonly at: number;
  readonly intent: Intent;
  readonly when: CelText | null;
  readonly mode: string;
  readonly entries: readonly string[];
}): AuditEntry {
  const { at, intent, when, mode, entries } = of;
  const body: IntentBody = {
    instant: formatTime(intent.sinceNs),
    line: when?.line ?? 1,
    when: when?.text ?? 'a standing rule: in force while it is saved',
    values: plainValues(intent.values),
    mode,
    resolved: resolvedToJson(intent.actions),
  };
  return entry({ at, kind: 'intent', rule: intent.rule, revision: intent.revision, key: intent.keyText, entries, body });
}

export function diffEntry(of: {
  readonly at: number;
  readonly target: string;
  readonly table: number;
  readonly revision: number;
  readonly base: number;
  readonly epoch: number;
  readonly hash: string;
  readonly ops: readonly Op[];
  /** Why an entry stands at this target or left it, by entry id. */
  readonly reasons: ReadonlyMap<string, string>;
}): AuditEntry {
  const { table, revision, base, epoch, hash, ops } = of;
  const shown = ops.slice(0, opsShownMax).map(({ op, id }) => ({ op, id, reason: of.reasons.get(id) ?? '' }));
  const body: DiffBody = { table, revision, base, epoch, hash, ops: shown, opsMore: ops.length - shown.length };
  return entry({ at: of.at, kind: 'diff', target: of.target, entries: ops.map((o) => o.id), body });
}

export function ackEntry(of: AckBody & { readonly at: number; readonly target: string; readonly entries: readonly string[] }): AuditEntry {
  const { at, target, entries, ...body } = of;
  return entry({ at, kind: 'ack', target, entries, body });
}

export function observedEntry(of: {
  readonly at: number;
  readonly target: string;
  readonly rule: string;
  readonly ruleRevision: number;
  readonly key: string;
  readonly entry: string;
  readonly revision: number;
  readonly acceptedAtMs: number;
  readonly record: RpcRecord;
}): AuditEntry {
  const body: ObservedBody = {
    revision: of.revision,
    afterMs: Math.round((of.at - of.acceptedAtMs) * 10) / 10,
    request: requestShown(of.record),
  };
  return entry({ at: of.at, kind: 'observed', target: of.target, rule: of.rule, revision: of.ruleRevision, key: of.key, entries: [of.entry], body }); // prettier-ignore
}

export function entry(
  of: Partial<Omit<AuditEntry, 'id'>> & { readonly at: number; readonly kind: AuditKind; readonly body: object },
): AuditEntry {
  return { id: 0, target: null, rule: null, revision: null, key: null, entries: [], ...of, body: of.body as AuditEntry['body'] };
}

/** What names the request to whoever looks for it in their own logs; no headers, which may hold secrets. */
function requestShown(r: RpcRecord): Readonly<Record<string, unknown>> {
  const { id, method, host, path } = r.request;
  return {
    time: formatTime(r.time),
    ...(id === undefined ? {} : { id }),
    ...(method === undefined ? {} : { method }),
    ...(host === undefined ? {} : { host }),
    ...(path === undefined ? {} : { path }),
    ...(r.response.code === undefined ? {} : { code: r.response.code }),
    ...(r.destination.service === undefined ? {} : { service: r.destination.service }),
    ...(r.destination.instance === undefined ? {} : { instance: r.destination.instance }),
    applied: r.applied,
  };
}

/** Values as JSON: durations in seconds, as replay prints them. */
export function plainValues(values: ReadonlyMap<string, Value | null>): Readonly<Record<string, unknown>> {
  return Object.fromEntries([...values].map(([name, value]) => [name, plain(value)]));
}

function plain(value: Value | null): unknown {
  if (value === null) return null;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value !== 'object') return value;
  return 'durationNs' in value ? Number(value.durationNs) / 1e9 : formatTime(value.timeNs);
}
