import { RE2JS } from '@bufbuild/re2';
import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { parsePrefix, prefixText, within, type Prefix } from '../../model/address.ts';
import { normalise } from '../../model/conjunction.ts';
import { attributeOf, memberPath, type Attribute } from '../../model/facts.ts';
import { NotPortable, toRegExp } from '../../model/regex.ts';
import type { Test } from '../../model/table.ts';
import { isSample, type Constant, type Folder } from './fold.ts';
import { operandOf, type Operand } from './operand.ts';
import { refuse } from './refuse.ts';
import { always, both, either, never, type Terms } from './terms.ts';

/** One test to translate: when is `expr` `want`? */
type Ask = { readonly expr: Expr; readonly want: boolean; readonly folder: Folder };

export type Operator = '_==_' | '_!=_' | '_<_' | '_<=_' | '_>_' | '_>=_';
const mirrored: Readonly<Record<Operator, Operator>> = {
  '_==_': '_==_',
  '_!=_': '_!=_',
  '_<_': '_>_',
  '_<=_': '_>=_',
  '_>_': '_<_',
  '_>=_': '_<=_',
};
const opposite: Readonly<Record<Operator, Operator>> = {
  '_==_': '_!=_',
  '_!=_': '_==_',
  '_<_': '_>=_',
  '_<=_': '_>_',
  '_>_': '_<=_',
  '_>=_': '_<_',
};

const test = (attribute: Attribute, ...tests: readonly Test[]): Terms => {
  const match = normalise({ [attribute.path]: tests });
  return match === null ? never : [match];
};

/** An attribute, or a constant, compared with the other. */
export function compare(ask: Ask & { readonly operator: Operator }, left: Expr, right: Expr): Terms {
  const [a, b] = [operandOf(left, ask.folder), operandOf(right, ask.folder)];
  if (a.kind === 'error' || b.kind === 'error') return never;
  const operator = ask.want ? ask.operator : opposite[ask.operator];
  if (b.kind === 'constant' || b.kind === 'address') return compareWith({ expr: ask.expr, operator, subject: a, constant: b });
  if (a.kind === 'constant' || a.kind === 'address')
    return compareWith({ expr: ask.expr, operator: mirrored[operator], subject: b, constant: a });
  return refuse(ask.expr, 'engines compare an attribute with a constant, not with another attribute');
}

type Comparison = {
  readonly expr: Expr;
  readonly operator: Operator;
  readonly subject: Operand;
  readonly constant: Operand & { readonly kind: 'constant' | 'address' };
};

function compareWith({ expr, operator, subject, constant }: Comparison): Terms {
  const equal = operator === '_==_';
  if (subject.kind === 'ip' && constant.kind === 'address' && (equal || operator === '_!=_'))
    return inside(subject.attribute, constant.prefix, equal);
  if (constant.kind !== 'constant') return refuse(expr, 'addresses are only equal or not');
  const { value } = constant;
  if (subject.kind === 'subnet' && typeof value === 'string' && (equal || operator === '_!=_')) return inSubnet(subject, value, equal);
  if (subject.kind !== 'attribute') return refuse(expr, 'these two cannot be compared');
  const { attribute } = subject;
  if (attribute.kind === 'int' && typeof value === 'bigint') return compareInt(attribute, operator, value);
  if (attribute.kind !== 'string' || typeof value !== 'string') return refuse(expr, `\`${attribute.path}\` is ${attribute.kind}`);
  if (operator === '_==_') return test(attribute, { in: [value] });
  if (operator === '_!=_') return test(attribute, { notIn: [value] });
  return refuse(expr, 'engines do not order texts', 'use == in startsWith() or matches()');
}

/** Facts hold safe integers: a constant beyond them is only ever unequal, greater or less. */
function compareInt(attribute: Attribute, operator: Operator, value: bigint): Terms {
  const [low, high] = [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
  const safe = BigInt(low) <= value && value <= BigInt(high);
  if (operator === '_==_') return safe ? test(attribute, { in: [Number(value)] }) : never;
  if (operator === '_!=_') return test(attribute, safe ? { notIn: [Number(value)] } : { present: true });
  const from = operator === '_>_' ? value + 1n : operator === '_>=_' ? value : BigInt(low);
  const to = operator === '_<_' ? value - 1n : operator === '_<=_' ? value : BigInt(high);
  const clip = (n: bigint): number => (n < BigInt(low) ? low : n > BigInt(high) ? high : Number(n));
  return from > to || from > BigInt(high) || to < BigInt(low) ? never : test(attribute, { range: [clip(from), clip(to)] });
}

const inside = (attribute: Attribute, prefix: Prefix, yes: boolean): Terms =>
  test(attribute, { cidr: prefixText(prefix), ...(yes ? {} : { not: true as const }) });

/** subnet(x, v4, v6) == "prefix": only the canonical text of a prefix of just that length can be equal. */
function inSubnet({ attribute, v4, v6 }: Operand & { readonly kind: 'subnet' }, text: string, equal: boolean): Terms {
  const prefix = parsePrefix(text);
  const possible = prefix !== undefined && prefixText(prefix) === text && prefix.length === (prefix.bits === 32 ? v4 : v6);
  if (possible) return inside(attribute, prefix, equal);
  // Unequal to every subnet, but what is no address errs.
  return equal ? never : anyAddress(attribute);
}

/** `x in [..]`, `"name" in map`, `"item" in list`. */
export function memberOf(ask: Ask, left: Expr, right: Expr): Terms {
  const item = operandOf(left, ask.folder);
  const path = ask.folder.path(right);
  const whole = path?.length === 2 && path[0] !== 'key' ? attributeOf(path.join('.')) : undefined;
  if (item.kind === 'error') return never;
  if (whole?.kind === 'map' || whole?.kind === 'list') {
    if (item.kind !== 'constant' || typeof item.value !== 'string') return refuse(ask.expr, 'the name must be a constant');
    return hasMember(whole.path, item.value, ask.want);
  }
  const list = ask.folder.fold(right);
  if (list?.kind === 'error') return never;
  if (right.exprKind.case === 'listExpr')
    return inList(
      ask,
      item,
      right.exprKind.value.elements.map((one) => operandOf(one, ask.folder)),
    );
  if (list === undefined || !Array.isArray(list.value)) return refuse(ask.expr, 'the list must be a constant');
  return inList(
    ask,
    item,
    list.value.map((value: Constant) => ({ kind: 'constant', value }) as const),
  );
}

/** A map or list that is not there at all is an error, not an absence of its members. */
export function hasMember(of: string, name: string, want: boolean): Terms {
  const member = memberPath(of, name);
  return want ? [{ [member]: [{ present: true }] }] : [{ [of]: [{ present: true }], [member]: [{ present: false }] }];
}

function inList({ expr, want }: Ask, item: Operand, elements: readonly Operand[]): Terms {
  if (elements.some(({ kind }) => kind === 'error')) return never;
  const operator = want ? '_==_' : '_!=_';
  const terms = elements.map((constant) =>
    constant.kind === 'constant' || constant.kind === 'address'
      ? compareWith({ expr, operator, subject: item, constant })
      : refuse(expr, 'the list must be a constant'),
  );
  if (want) return either(...terms);
  // Not in an empty list: whatever can be looked at.
  return terms.reduce(both, looked(item));
}

/** When an operand has a value at all. */
function looked(item: Operand): Terms {
  if (item.kind === 'attribute') return test(item.attribute, { present: true });
  return item.kind === 'ip' || item.kind === 'subnet' ? anyAddress(item.attribute) : always;
}

const anyAddress = (attribute: Attribute): Terms => either(test(attribute, { cidr: '0.0.0.0/0' }), test(attribute, { cidr: '::/0' }));

/** x.startsWith("…") and its like. */
export function textTest(
  { expr, want, folder }: Ask,
  name: 'startsWith' | 'endsWith' | 'contains' | 'matches',
  target: Expr,
  arg: Expr,
): Terms {
  const subject = operandOf(target, folder);
  const part = operandOf(arg, folder);
  if (subject.kind === 'error' || part.kind === 'error') return never;
  if (subject.kind !== 'attribute' || subject.attribute.kind !== 'string') return refuse(expr, `${name} needs an attribute that is text`);
  if (part.kind !== 'constant' || typeof part.value !== 'string') return refuse(expr, `the argument of ${name} must be a constant`);
  const not = want ? {} : { not: true as const };
  if (name === 'startsWith') return test(subject.attribute, { prefix: part.value, ...not });
  if (name === 'endsWith') return test(subject.attribute, { suffix: part.value, ...not });
  if (name === 'contains') return test(subject.attribute, { contains: part.value, ...not });
  checkPattern(expr, part.value);
  return test(subject.attribute, { regex: part.value, ...not });
}

function checkPattern(expr: Expr, pattern: string): void {
  try {
    RE2JS.compile(pattern);
    toRegExp(pattern);
  } catch (error) {
    if (error instanceof NotPortable) refuse(expr, `engines read ${error.message} in different ways`, 'write the characters out');
    refuse(expr, `not a regular expression that RE2 takes: ${error instanceof Error ? error.message : 'unreadable'}`, 'see RE2 syntax');
  }
}

/** cidr("…").containsIP(attribute). */
export function containsAddress({ expr, want, folder }: Ask, target: Expr, arg: Expr): Terms {
  const { case: kind, value } = target.exprKind;
  const [text] = kind === 'callExpr' && value.function === 'cidr' ? value.args : [];
  const network = text === undefined ? undefined : folder.fold(text);
  if (network === undefined) return refuse(expr, 'the prefix must be a constant: cidr("10.0.0.0/8")');
  const subject = operandOf(arg, folder);
  if (network.kind === 'error' || subject.kind === 'error') return never;
  const prefix =
    typeof network.value === 'string' ? parsePrefix(folder.sampled && isSample(network.value) ? '10.0.0.0/8' : network.value) : undefined;
  if (prefix === undefined) return refuse(expr, `${JSON.stringify(network.value)} is no prefix`, 'write it as "10.0.0.0/8"');
  if (subject.kind === 'address') return within(subject.prefix, prefix) === want ? always : never;
  if (subject.kind !== 'attribute' && subject.kind !== 'ip') return refuse(expr, 'containsIP needs an attribute that is an address');
  return inside(subject.attribute, prefix, want);
}

/** Whether a side of a comparison is itself a condition. */
export function isBoolean(expr: Expr, folder: Folder): boolean {
  if (folder.fold(expr) !== undefined) return false;
  const { case: kind, value } = expr.exprKind;
  if (kind === 'callExpr') return conditions.has(value.function);
  if (kind === 'selectExpr' && value.testOnly) return true;
  const path = folder.path(expr);
  return path?.length === 2 && attributeOf(path.join('.'))?.kind === 'bool';
}

const conditions: ReadonlySet<string> = new Set(
  '!_ _&&_ _||_ _==_ _!=_ _<_ _<=_ _>_ _>=_ @in startsWith endsWith contains matches containsIP'.split(' '),
);
