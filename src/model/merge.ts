import { parsePrefix, within, type Prefix } from './address.ts';
import { canon } from './canon.ts';
import { compareText } from './order.ts';
import type { Scalar, Test } from './table.ts';
import { checkOf } from './test.ts';

/**
 * All tests of one attribute as one list in normal form: at most one `in`, `notIn` and `range`, nothing that another test implies, in the
 * order of their canonical text. null: no value can pass them all. Not every such contradiction is found (regexes), none is invented.
 */
export function mergeTests(tests: readonly Test[]): readonly Test[] | null {
  if (tests.some((test) => 'present' in test && !test.present)) {
    return tests.every((test) => 'present' in test && !test.present) ? [{ present: false }] : null;
  }
  const others = tests.filter((test) => !('in' in test));
  const lists = tests.flatMap((test) => ('in' in test ? [test.in] : []));
  if (lists.length > 0) return mergeIn(lists, others);
  const merged = mergeRange(others);
  if (merged === null) return null;
  // One integer left: a list of one, which the other tests may still empty.
  if (merged.some((test) => 'in' in test)) return mergeTests(merged);
  const cidrs = mergeCidrs(merged);
  const texts = cidrs === null ? null : mergeTexts(cidrs);
  if (texts === null) return null;
  const final = mergeNotIn(texts);
  return final.length === 0 ? [{ present: true }] : order(final);
}

/** With a list of allowed values the other tests only shorten the list. */
function mergeIn(lists: readonly (readonly Scalar[])[], others: readonly Test[]): readonly Test[] | null {
  const checks = others.map(checkOf);
  const values = (lists[0] ?? []).filter((value) => lists.every((list) => list.includes(value)) && checks.every((check) => check(value)));
  return values.length === 0 ? null : [{ in: sortScalars(values) }];
}

/** Ranges become one; excluded values at its ends move the ends; one value left is a list. Drops `present: true` and dead exclusions. */
function mergeRange(tests: readonly Test[]): readonly Test[] | null {
  const ranges = tests.flatMap((test) => ('range' in test ? [test.range] : []));
  const rest = tests.filter((test) => !('range' in test || 'present' in test));
  if (ranges.length === 0) return rest;
  const excluded = new Set(rest.flatMap((test) => ('notIn' in test ? test.notIn : [])));
  let from = Math.max(...ranges.map(([a]) => a));
  let to = Math.min(...ranges.map(([, b]) => b));
  while (from <= to && excluded.has(from)) from++;
  while (to >= from && excluded.has(to)) to--;
  if (from > to) return null;
  if (from === Number.MIN_SAFE_INTEGER && to === Number.MAX_SAFE_INTEGER) return rest;
  return [...rest, from === to ? { in: [from] } : { range: [from, to] }];
}

type Cidr = { readonly prefix: Prefix; readonly test: Test; readonly not: boolean };

function mergeCidrs(tests: readonly Test[]): readonly Test[] | null {
  const cidrs = tests.flatMap((test): readonly Cidr[] => {
    const prefix = 'cidr' in test ? parsePrefix(test.cidr) : undefined;
    return prefix === undefined ? [] : [{ prefix, test, not: 'not' in test }];
  });
  const inside = cidrs.filter(({ not }) => !not);
  const outside = cidrs.filter(({ not }) => not);
  const narrowest = inside.reduce<Cidr | undefined>((a, b) => (a === undefined || within(b.prefix, a.prefix) ? b : a), undefined);
  if (narrowest !== undefined && inside.some(({ prefix }) => !within(narrowest.prefix, prefix))) return null;
  if (narrowest !== undefined && outside.some(({ prefix }) => within(narrowest.prefix, prefix))) return null;
  const holes = outside.filter(
    (one, i) =>
      (narrowest === undefined || within(one.prefix, narrowest.prefix)) &&
      !outside.some((other, j) => i !== j && within(one.prefix, other.prefix) && (!within(other.prefix, one.prefix) || j < i)),
  );
  const rest = tests.filter((test) => !('cidr' in test));
  return [...rest, ...(narrowest === undefined ? [] : [narrowest.test]), ...holes.map(({ test }) => test)];
}

type Text = 'prefix' | 'suffix' | 'contains';
/** Whether text that has `a` also has `b`. */
const implies: Readonly<Record<Text, (a: string, b: string) => boolean>> = {
  prefix: (a, b) => a.startsWith(b),
  suffix: (a, b) => a.endsWith(b),
  contains: (a, b) => a.includes(b),
};

function mergeTexts(tests: readonly Test[]): readonly Test[] | null {
  const has = {
    prefix: valuesOf(tests, 'prefix', false),
    suffix: valuesOf(tests, 'suffix', false),
    contains: valuesOf(tests, 'contains', false),
  };
  const lacks = {
    prefix: valuesOf(tests, 'prefix', true),
    suffix: valuesOf(tests, 'suffix', true),
    contains: valuesOf(tests, 'contains', true),
  };
  const out: Test[] = tests.filter((test) => !('prefix' in test || 'suffix' in test || 'contains' in test));
  for (const kind of ['prefix', 'suffix', 'contains'] as const) {
    const strongest = keepStrongest(has[kind], (a, b) => implies[kind](a, b));
    // A text has one beginning and one end: two that do not imply each other cannot both hold.
    if (kind !== 'contains' && strongest.length > 1) return null;
    const parts =
      kind === 'contains' ? strongest.filter((part) => ![...has.prefix, ...has.suffix].some((end) => end.includes(part))) : strongest;
    const evidence = kind === 'contains' ? [...has.prefix, ...has.suffix, ...has.contains] : strongest;
    const weakest = keepStrongest(lacks[kind], (a, b) => implies[kind](b, a));
    if (weakest.some((part) => part === '' || evidence.some((text) => implies[kind](text, part)))) return null;
    const [end] = strongest;
    // A long enough beginning (or end) already rules another one out.
    const open = kind === 'contains' || end === undefined ? weakest : weakest.filter((part) => implies[kind](part, end));
    for (const part of parts) if (part !== '') out.push(textTest(kind, part, false));
    for (const part of open) out.push(textTest(kind, part, true));
  }
  return mergeRegexes(out);
}

function mergeRegexes(tests: readonly Test[]): readonly Test[] | null {
  const has = valuesOf(tests, 'regex', false);
  const lacks = valuesOf(tests, 'regex', true);
  if (has.some((pattern) => lacks.includes(pattern))) return null;
  const rest = tests.filter((test) => !('regex' in test));
  return [...rest, ...has.map((regex) => ({ regex })), ...lacks.map((regex) => ({ regex, not: true as const }))];
}

/** Excluded values as one list, without those that the other tests exclude anyway. */
function mergeNotIn(tests: readonly Test[]): readonly Test[] {
  const others = tests.filter((test) => !('notIn' in test));
  const checks = others.map(checkOf);
  const values = tests.flatMap((test) => ('notIn' in test ? test.notIn : [])).filter((value) => checks.every((check) => check(value)));
  return values.length === 0 ? others : [...others, { notIn: sortScalars(values) }];
}

function valuesOf(tests: readonly Test[], kind: Text | 'regex', not: boolean): readonly string[] {
  const found = tests.flatMap((test) => {
    if ('not' in test !== not) return [];
    if (kind === 'prefix') return 'prefix' in test ? [test.prefix] : [];
    if (kind === 'suffix') return 'suffix' in test ? [test.suffix] : [];
    if (kind === 'contains') return 'contains' in test ? [test.contains] : [];
    return 'regex' in test ? [test.regex] : [];
  });
  return [...new Set(found)];
}

function textTest(kind: Text, value: string, not: boolean): Test {
  const no = not ? { not: true as const } : {};
  return kind === 'prefix' ? { prefix: value, ...no } : kind === 'suffix' ? { suffix: value, ...no } : { contains: value, ...no };
}

/** Without the values that another one implies. */
const keepStrongest = (values: readonly string[], implied: (by: string, one: string) => boolean): readonly string[] =>
  values.filter((one) => !values.some((other) => other !== one && implied(other, one)));

const order = (tests: readonly Test[]): readonly Test[] =>
  tests.length < 2
    ? tests
    : tests
        .map((test) => [canon(test), test] as const)
        .sort(([a], [b]) => compareText(a, b))
        .map(([, test]) => test);

/** Booleans, then numbers, then text by code point; without repeats. */
export function sortScalars(values: readonly Scalar[]): readonly Scalar[] {
  const rank = (value: Scalar): number => (typeof value === 'boolean' ? 0 : typeof value === 'number' ? 1 : 2);
  return [...new Set(values)].sort((a, b) => {
    if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
    return rank(a) - rank(b) || Number(a) - Number(b);
  });
}
