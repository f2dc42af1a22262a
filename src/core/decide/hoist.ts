import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import type { FlyRecord, Stream } from '../../model/record.ts';
import { childrenOf, dottedName } from '../cel/tree.ts';
import type { Checked } from '../cel/types.ts';
import type { Scalar } from '../cel/value.ts';
import type { CompiledRule } from '../rule/types.ts';

/**
 * `where` in two parts, joined by &&: what speaks of nothing but the key can be asked once a key and not once a record, so that rules which
 * differ only there share their records.
 */
export type Split = { readonly ofRecord: readonly Checked[]; readonly ofKey: readonly Checked[] };

export function splitWhere({ where, columns, rule }: CompiledRule): Split {
  if (where === null) return { ofRecord: [], ofKey: [] };
  const paths = new Set(columns.flatMap(({ name }, i) => (rule.by[i]?.attribute === true && isPlain(name) ? [name] : [])));
  const parts = conjuncts(where.expr).map((expr): Checked => ({ ...where, expr }));
  const isOfKey = ({ expr }: Checked): boolean => pathsIn(expr)?.every((path) => paths.has(path)) === true;
  return { ofRecord: parts.filter((part) => !isOfKey(part)), ofKey: parts.filter(isOfKey) };
}

/** A record that has the key's attributes and nothing else: parts of `where` that speak only of the key say of it what they say of any. */
export function recordOf(stream: Stream, { columns, rule }: Pick<CompiledRule, 'columns' | 'rule'>, values: readonly Scalar[]): FlyRecord {
  const record: Record<string, Record<string, unknown>> = {
    source: {},
    destination: {},
    reporter: {},
    rpc: {},
    request: {},
    response: {},
    flow: {},
  };
  columns.forEach(({ name, type }, i) => {
    const [root = '', field = ''] = name.split('.');
    const [group, value] = [record[root], values[i]];
    if (rule.by[i]?.attribute !== true || !isPlain(name) || group === undefined) return;
    group[field] = type.kind === 'duration' && typeof value === 'number' ? BigInt(value) : value;
  });
  return { stream, time: 0n, applied: [], ...record } as unknown as FlyRecord;
}

/** destination.service; not time, and no entry of a map. */
const isPlain = (path: string): boolean => /^[a-z]+\.[a-z_]+$/.test(path);

function conjuncts(expr: Expr): readonly Expr[] {
  const call = expr.exprKind.case === 'callExpr' ? expr.exprKind.value : null;
  return call?.function === '_&&_' ? call.args.flatMap(conjuncts) : [expr];
}

/** The attributes an expression reads; null: it names something else. */
function pathsIn(expr: Expr): readonly string[] | null {
  const { exprKind } = expr;
  if (exprKind.case === 'comprehensionExpr' || exprKind.case === 'identExpr') return null;
  if (exprKind.case === 'selectExpr') {
    const { operand, field } = exprKind.value;
    const root = operand === undefined ? null : dottedName(operand);
    return root === null ? null : root === 'grpc' ? [] : [`${root}.${field}`];
  }
  const parts = childrenOf(expr).map(pathsIn);
  return parts.some((part) => part === null) ? null : parts.flatMap((part) => part ?? []);
}
