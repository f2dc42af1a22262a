import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { addressText, parseAddress, parsePrefix, type Prefix } from '../../model/address.ts';
import { attributeOf, memberPath, type Attribute } from '../../model/facts.ts';
import { isSample, type Constant, type Folder } from './fold.ts';
import { refuse } from './refuse.ts';

/** What stands on a side of a comparison. */
export type Operand =
  | { readonly kind: 'constant'; readonly value: Constant }
  | { readonly kind: 'error' }
  | { readonly kind: 'attribute'; readonly attribute: Attribute }
  /** ip(attribute), or ip("…") when there is an address. */
  | { readonly kind: 'ip'; readonly attribute: Attribute }
  | { readonly kind: 'address'; readonly prefix: Prefix }
  | { readonly kind: 'subnet'; readonly attribute: Attribute; readonly v4: number; readonly v6: number };

/** Errors: refuses what is neither. */
export function operandOf(expr: Expr, folder: Folder): Operand {
  const folded = folder.fold(expr);
  if (folded !== undefined) return folded.kind === 'error' ? folded : { kind: 'constant', value: folded.value };
  const attribute = attributeIn(expr, folder);
  if (attribute !== undefined) return { kind: 'attribute', attribute };
  const { case: kind, value } = expr.exprKind;
  if (kind === 'callExpr' && value.target === undefined) {
    const [first] = value.args;
    if (value.function === 'ip' && first !== undefined) return ipOperand(expr, first, folder);
    if (value.function === 'subnet' && first !== undefined) return subnetOperand(expr, value.args, folder);
  }
  return refuse(expr, 'it is neither an attribute that engines know before the fact nor a constant');
}

function attributeIn(expr: Expr, folder: Folder): Attribute | undefined {
  const path = folder.path(expr);
  if (path?.length === 2) return attributeOf(path.join('.'));
  const [root, field, name] = path ?? [];
  if (path?.length !== 3 || name === undefined) return undefined;
  const whole = attributeOf(`${root}.${field}`);
  return whole?.kind === 'map' ? attributeOf(memberPath(whole.path, name)) : undefined;
}

function ipOperand(expr: Expr, arg: Expr, folder: Folder): Operand {
  const inner = operandOf(arg, folder);
  if (inner.kind === 'error') return inner;
  if (inner.kind === 'attribute' && inner.attribute.kind === 'string') return { kind: 'ip', attribute: inner.attribute };
  const text = inner.kind === 'constant' && typeof inner.value === 'string' ? inner.value : '';
  const address = parseAddress(folder.sampled && isSample(text) ? '10.0.0.1' : text);
  if (address === undefined) return refuse(expr, `${JSON.stringify(text)} is no address`);
  const prefix = parsePrefix(`${addressText(address)}/${address.bits}`);
  return prefix === undefined ? refuse(expr, 'no address') : { kind: 'address', prefix };
}

function subnetOperand(expr: Expr, args: readonly Expr[], folder: Folder): Operand {
  const [inner, v4, v6] = args.map((arg) => operandOf(arg, folder));
  if (inner?.kind === 'error' || v4?.kind === 'error' || v6?.kind === 'error') return { kind: 'error' };
  const bits = [v4, v6].map((operand) =>
    operand?.kind === 'constant' && typeof operand.value === 'bigint' ? Number(operand.value) : Number.NaN,
  );
  const [a = Number.NaN, b = Number.NaN] = bits;
  if (inner?.kind !== 'attribute' || !(a >= 0 && a <= 32 && b >= 0 && b <= 128))
    return refuse(expr, 'engines know subnet(attribute, 0…32, 0…128) only');
  return { kind: 'subnet', attribute: inner.attribute, v4: a, v6: b };
}
