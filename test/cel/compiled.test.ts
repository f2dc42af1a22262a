import { describe, expect, test } from 'vitest';
import { bindKey } from '../../src/core/decide/key.ts';
import { check } from '../../src/core/cel/check.ts';
import { aggregateEnvironment, recordEnvironment } from '../../src/core/cel/declare.ts';
import type { Raw } from '../../src/core/cel/compile/code.ts';
import { rawOf } from '../../src/core/cel/compile/program.ts';
import { runtime } from '../../src/core/cel/compile/runtime.ts';
import { compiledPrograms, plainPrograms, rawColumns } from '../../src/core/cel/programs.ts';
import type { Value } from '../../src/model/rule.ts';
import { generator } from '../replay/seeded.ts';
import type { Random } from '../replay/seeded.ts';
import { expression, record, value } from './random.ts';
import type { Kind } from './random.ts';

const kinds: readonly Kind[] = ['bool', 'bool', 'bool', 'int', 'double', 'string', 'duration', 'timestamp'];
/** Expressions and records for each; the soak runs a million pairs. */
const expressions = Number(process.env['FLYBALL_CEL_EXPRESSIONS'] ?? 1_500);
const recordsEach = 20;

const [plain, compiled] = [plainPrograms(), compiledPrograms()];

/** Expressions that were judged, pairs, and pairs whose value was not an error: what shows that the comparison means something. */
type Tally = { judged: number; pairs: number; valued: number };

function compareRecords(random: Random, tally: Tally): string | null {
  const text = expression(random, random.pick(kinds), 1 + random.below(4), 'record');
  const checked = check(text, recordEnvironment(['rpc']));
  if (!checked.ok) return checked.problem.some(({ code }) => code !== 'E-CEL-COST' && code !== 'E-CEL-VALUE') ? `${text}: ${checked.problem[0]?.what}` : null; // prettier-ignore
  const [right, fast] = [plain.record(checked.value), compiled.record(checked.value)];
  tally.judged++;
  for (let i = 0; i < recordsEach; i++) {
    const line = record(random);
    const [wanted, got] = [right(line), fast(line)];
    tally.pairs++;
    if (wanted !== undefined) tally.valued++;
    if (!Object.is(shown(wanted), shown(got))) return `${text}\n  plain ${shown(wanted)}, compiled ${shown(got)}\n  ${shown(line)}`;
  }
  return null;
}

/** Several expressions as one function, as a selection has them. */
function compareTogether(random: Random, tally: Tally): string | null {
  const texts = Array.from({ length: 6 }, () => expression(random, random.pick(kinds), 1 + random.below(3), 'record'));
  const checked = texts.flatMap((text) => {
    const one = check(text, recordEnvironment(['rpc']));
    return one.ok ? [one.value] : [];
  });
  const [right, fast] = [plain.records(checked), compiled.records(checked)];
  tally.judged++;
  for (let i = 0; i < recordsEach; i++) {
    const line = record(random);
    const [wanted, got]: [unknown[], unknown[]] = [[], []];
    right(line, wanted as never);
    fast(line, got as never);
    tally.pairs += checked.length;
    tally.valued += wanted.filter((one) => one !== undefined).length;
    const at = checked.findIndex((_, n) => shown(wanted[n]) !== shown(got[n]));
    if (at >= 0) return `${checked[at]?.text}\n  plain ${shown(wanted[at])}, compiled ${shown(got[at])}\n  ${shown(line)}`;
  }
  return null;
}

const columns = [
  { name: 'response.failed', type: { kind: 'bool' } },
  { name: 'response.code', type: { kind: 'int' } },
  { name: 'destination.service', type: { kind: 'string' } },
  { name: 'request.headers["x-user"]', type: { kind: 'string' } },
] as const;

function compareAggregates(random: Random, tally: Tally): string | null {
  const text = expression(random, random.pick(kinds), 1 + random.below(4), 'aggregate');
  const checked = check(text, aggregateEnvironment({ streams: ['rpc'], columns, everyNs: 0n }));
  if (!checked.ok) return checked.problem.some(({ code }) => code !== 'E-CEL-COST' && code !== 'E-CEL-VALUE') ? `${text}: ${checked.problem[0]?.what}` : null; // prettier-ignore
  const [right, fast] = [plain.aggregate(checked.value, columns), compiled.aggregate(checked.value, columns)];
  const holds = checked.value.type.kind === 'bool' ? compiled.condition(checked.value, columns) : null;
  tally.judged++;
  for (let i = 0; i < recordsEach; i++) {
    const parts: readonly Value[] = [random.chance(0.5), random.pick([200n, 503n, 2n ** 60n]), random.pick(['a', '5']), 'é😀'];
    const bound = boundKey(parts);
    const values = checked.value.aggregates.map(({ type }) => value(random, type.kind));
    const now = 1_767_225_600_000_000_000n + BigInt(random.below(1_000_000_000)) * 1_000n;
    const [wanted, got] = [right(values, bound, now), fast(values, bound, now)];
    tally.pairs++;
    if (wanted !== null) tally.valued++;
    if (!Object.is(shown(wanted), shown(got))) return `${text}\n  plain ${shown(wanted)}, compiled ${shown(got)}\n  ${shown(values)}`;
    const raws = values.map((one) => (one === null ? undefined : rawOf(one)));
    if (holds === null || bound.raw === null || raws.includes(null)) continue;
    const held = holds(raws as Raw[], bound.raw, now);
    // null: it leaves the answer to the other way.
    if (held !== null && (held ?? null) !== wanted)
      return `${text}\n  plain ${shown(wanted)}, as a condition ${shown(held)}\n  ${shown(values)}`;
  }
  return null;
}

const attributed = {
  columns: columns.map(({ name }) => ({ name, checked: checkedColumn(name) })),
  rule: { by: columns.map(() => ({ attribute: true })) },
};

function checkedColumn(name: string): { readonly expr: unknown } {
  const checked = check(name, recordEnvironment(['rpc']));
  if (!checked.ok) throw new Error(name);
  return checked.value;
}

function boundKey(parts: readonly Value[]) {
  const key = new Map(columns.map(({ name }, i) => [name, parts[i] ?? '']));
  return { bound: () => bindKey(attributed as unknown as Parameters<typeof bindKey>[0], key), raw: rawColumns(parts) };
}

const shown = (of: unknown): string =>
  JSON.stringify(of, (_, v: unknown) => (typeof v === 'bigint' ? `${v}n` : Object.is(v, -0) ? '-0' : v instanceof Map ? [...v] : typeof v === 'number' && !Number.isFinite(v) ? String(v) : v)) ?? 'undefined'; // prettier-ignore

describe('compiled expressions give what the plain evaluator gives', () => {
  test.each([1, 2])('over records (seed %i)', (seed) => agree(seed, compareRecords));
  test.each([3, 4])('over aggregates (seed %i)', (seed) => agree(seed, compareAggregates));
  test.each([5])('several at once (seed %i)', (seed) => agree(seed, compareTogether));
});

describe('the comparison finds a planted bug', () => {
  const bugs: Partial<typeof runtime> = {
    compareText: (a, b) => (a < b ? -1 : a > b ? 1 : 1),
    divide: (a, b) => (b === 0 ? undefined : Math.floor(a / b)),
    modulo: (a, b) => (b === 0 ? undefined : ((a % b) + b) % b),
    whole: (x) => x,
    size: (text) => text.length,
    equal: (a, b) => a === b,
    time: (ns) => ns,
    truncate: (x) => (Math.abs(x) < 2 ** 53 ? Math.round(x) : undefined),
  };
  test.each(Object.keys(bugs) as readonly (keyof typeof bugs)[])('%s', (name) => {
    const right = runtime[name];
    try {
      Object.assign(runtime, { [name]: bugs[name] });
      expect(differences(5, compareRecords, 6_000).found).not.toEqual([]);
    } finally {
      Object.assign(runtime, { [name]: right });
    }
  });
});

type Compare = (random: Random, tally: Tally) => string | null;

function agree(seed: number, compare: Compare): void {
  const { found, tally } = differences(seed + Number(process.env['FLYBALL_SEED'] ?? 0), compare, expressions);
  expect(found.join('\n')).toBe('');
  // For the soak, which adds them up.
  if (process.env['FLYBALL_SEED'] !== undefined) process.stdout.write(`pairs ${tally.pairs}\n`);
  // Not all errors, and not all refused: else nothing was compared.
  expect(tally.judged).toBeGreaterThan(expressions / 2);
  expect(tally.valued / tally.pairs).toBeGreaterThan(0.3);
}

function differences(seed: number, compare: Compare, most: number): { readonly found: readonly string[]; readonly tally: Tally } {
  const random = generator(seed);
  const tally: Tally = { judged: 0, pairs: 0, valued: 0 };
  const found: string[] = [];
  for (let i = 0; i < most && found.length === 0; i++) {
    const difference = compare(random, tally);
    if (difference !== null) found.push(difference);
  }
  return { found, tally };
}
