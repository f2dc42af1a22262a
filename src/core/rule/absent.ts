import { attributeAt } from '../../model/schema.ts';
import { constantString } from '../cel/tree.ts';
import type { CelProblem } from '../cel/problem.ts';
import { ticked } from '../cel/problem.ts';
import type { Checked } from '../cel/types.ts';
import { attributesIn, logicOf, mapOf } from './logic.ts';
import type { Leaf, Logic } from './logic.ts';

/**
 * E-ABSENT for a match of allow, deny or respond (rules.md section 2): an absent attribute does not match, so `principal != "x"` leaves
 * plaintext callers out, which no one reads into it. A negative test of an attribute is sound only when, with the attribute absent, the
 * outcome is the same whatever the test says: then has() (or another test of the attribute) has said what absence means.
 */
export function absentProblems(checked: Checked, action: 'allow' | 'deny' | 'respond'): readonly CelProblem[] {
  const logic = logicOf(checked);
  if (logic === null) return [{ code: 'E-CEL-COST', offset: 0, what: 'the match has too many cases', todo: 'use fewer conditionals' }];
  const found = new Map<string, CelProblem>();
  for (const attribute of new Set(leavesOf(logic).flatMap((leaf) => leaf.attributes))) {
    const who = alwaysKnown.has(attribute) ? null : (attributeAt(mapOf(attribute))?.absent ?? null);
    if (who === null) continue;
    for (const leaf of leavesOf(withoutAttribute(logic, attribute)).filter((left) => isNegative(left, attribute))) {
      const offset = checked.positions.get(leaf.expr.id) ?? 0;
      found.set(`${offset} ${mapOf(attribute)}`, problemOf(leaf, { attribute, who, action, offset }));
    }
  }
  return [...found.values()];
}

/** Every request has headers, if only none: an entry may be missing, the map never is. */
const alwaysKnown: ReadonlySet<string> = new Set(['request.headers']);

/** Whether a leaf that reads the attribute is a test an absent one is thought to pass: also !("x" in labels) where there are no labels. */
const isNegative = ({ attributes, negative, negated, presence }: Leaf, attribute: string): boolean =>
  attributes.includes(attribute) && (presence === null ? negative : negated && presence !== attribute);

const effect = {
  deny: 'this deny would let them through',
  allow: 'this allow would leave them out',
  respond: 'this respond would let them through',
};

type About = { readonly attribute: string; readonly who: string; readonly action: keyof typeof effect; readonly offset: number };

function problemOf(leaf: Leaf, { attribute, who, action, offset }: About): CelProblem {
  const entry = /^(.*?)\[(".*")\]$/s.exec(attribute);
  const absent = entry === null ? `!has(${attribute})` : `!(${entry[2]} in ${entry[1]})`;
  const { exprKind } = leaf.expr;
  const tested = [...attributesIn(leaf.expr)][0];
  const isText = exprKind.case === 'callExpr' && exprKind.value.args.some((arg) => constantString(arg) !== null);
  const differs = exprKind.case === 'callExpr' && ['_!=_', '_==_'].includes(exprKind.value.function);
  const test = differs && attribute === tested ? `${attribute} != ${isText ? '"…"' : '…'}` : '…';
  const what = `${attribute} may be absent (${entry === null ? who : 'requests without it'}): ${effect[action]}`;
  return {
    code: 'E-ABSENT',
    offset,
    what,
    todo: attribute.endsWith('[…]') ? `test ${ticked(attribute)} with \`in\` first` : `${absent} || ${test}`,
  };
}

function leavesOf(logic: Logic): readonly Leaf[] {
  if (logic.kind === 'leaf') return [logic];
  return logic.kind === 'constant' ? [] : logic.of.flatMap(leavesOf);
}

/** What is left of the condition when the attribute is absent: has() is false, and a positive test of it does not match. */
function withoutAttribute(logic: Logic, attribute: string): Logic {
  if (logic.kind === 'constant') return logic;
  if (logic.kind === 'leaf') {
    if (logic.presence === attribute) return { kind: 'constant', value: logic.negated };
    const errs = logic.attributes.includes(attribute) && !isNegative(logic, attribute);
    return errs ? { kind: 'constant', value: false } : logic;
  }
  const decides = logic.kind === 'or';
  const parts = logic.of.map((part) => withoutAttribute(part, attribute));
  if (parts.some((part) => part.kind === 'constant' && part.value === decides)) return { kind: 'constant', value: decides };
  const left = parts.filter((part) => part.kind !== 'constant');
  return left.length === 0 ? { kind: 'constant', value: !decides } : { kind: logic.kind, of: left };
}
