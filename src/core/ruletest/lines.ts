import { parseLine } from '../../model/line.ts';
import { fail, ok } from '../../model/problem.ts';
import type { Problem, Result } from '../../model/problem.ts';
import type { FlyRecord, Line } from '../../model/record.ts';
import { formatTime } from '../../model/time.ts';
import { mapOf } from './assign.ts';
import type { Assign, Item, RuleTest } from './types.ts';

/** Records of one test; more belongs into a recording and `replay`. */
export const testRecordsMax = 5_000_000;
/** The source that generated records come from. */
export const testSource = 'sidecar';

const secondNs = 1_000_000_000;

/** The lines of a test in order of time; items earlier in the list first where times are equal. Nothing comes from a source that is silent. */
export function linesOf(test: RuleTest, readFile: (path: string) => Result<string>): Result<readonly Line[], Problem> {
  const lines: Line[] = [{ stream: 'source', time: test.startNs, source: testSource, state: 'live', streams: ['rpc', 'flow'] }];
  const makers = new Map<string, FlyRecord>();
  for (const [i, item] of test.records.entries()) {
    const problem = item.kind === 'file' ? addFile(lines, item, readFile) : item.kind === 'generate' ? generate(lines, { test, item, sets: setsAfter(test, i), makers }) : null; // prettier-ignore
    if (problem !== null) return fail(problem);
    if (lines.length > testRecordsMax) return fail({ code: 'E-TEST', what: `more than ${testRecordsMax} records`, at: test.name, todo: 'lower `rate`' }); // prettier-ignore
  }
  for (const { source, fromNs, toNs } of test.silent) {
    for (const [at, state] of [
      [fromNs, 'stale'],
      [toNs, 'live'],
    ] as const)
      // prettier-ignore
      lines.push({ stream: 'source', time: test.startNs + at, source, state, streams: ['rpc', 'flow'] });
  }
  // Stable: what is written first comes first; a source's word comes before the records of its instant.
  const rank = (line: Line): number => (line.stream === 'source' ? 0 : 1);
  return ok(lines.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : rank(a) - rank(b))));
}

type Generate = Extract<Item, { kind: 'generate' }>;
type Change = Extract<Item, { kind: 'set' }>;

/** `set` changes what is above it. */
const setsAfter = ({ records }: RuleTest, at: number): readonly Change[] =>
  records.slice(at + 1).filter((item): item is Change => item.kind === 'set');

type Making = {
  readonly test: RuleTest;
  readonly item: Generate;
  readonly sets: readonly Change[];
  readonly makers: Map<string, FlyRecord>;
};

function generate(lines: Line[], { test, item, sets, makers }: Making): Problem | null {
  const count = Math.ceil((Number(item.toNs - item.fromNs) / secondNs) * item.rate - 1e-9);
  for (let n = 0; n < Math.min(count, testRecordsMax + 1); n++) {
    const atNs = item.fromNs + BigInt(Math.round((n * secondNs) / item.rate));
    if (test.silent.some(({ source, fromNs, toNs }) => source === testSource && atNs >= fromNs && atNs < toNs)) continue;
    const fields = fieldsAt(test, { item, sets, n, atNs });
    const id = JSON.stringify(fields);
    const known = makers.get(id) ?? recordOf(fields, test.startNs);
    if ('code' in known) return known;
    makers.set(id, known);
    lines.push({ ...known, time: test.startNs + atNs });
  }
  return null;
}

type Field = readonly [path: string, value: unknown];

function fieldsAt(
  { defaults }: RuleTest,
  { item, sets, n, atNs }: { readonly item: Generate; readonly sets: readonly Change[]; readonly n: number; readonly atNs: bigint },
): readonly Field[] {
  const taken = ({ values }: Assign): unknown => values[n % Math.max(1, values.length)];
  const fields = new Map<string, unknown>([...defaults, ...item.fields].map((assign) => [assign.path, taken(assign)]));
  for (const set of sets) {
    if (atNs < set.fromNs || atNs >= set.toNs) continue;
    if (!set.where.every(({ path, values }) => values.includes(fields.get(path)))) continue;
    for (const assign of set.fields) fields.set(assign.path, taken(assign));
  }
  return [...fields];
}

/** Through the reader of real lines, so that a test cannot hold what a source could not send. */
function recordOf(fields: readonly Field[], timeNs: bigint): FlyRecord | Problem {
  const json: Record<string, unknown> = { time: formatTime(timeNs) };
  for (const [path, value] of fields) {
    const map = mapOf(path);
    const parts = map === undefined ? path.split('.') : [...map.split('.'), path.slice(map.length + 1)];
    let at = json;
    for (const part of parts.slice(0, -1)) at = (at[part] ??= {}) as Record<string, unknown>;
    at[parts.at(-1) ?? ''] = value;
  }
  const line = parseLine(JSON.stringify(json));
  if (!line.ok) return line.problem;
  if (line.value.stream === 'rpc' || line.value.stream === 'flow') return line.value;
  return { code: 'E-TEST', what: 'a record needs `stream`', at: '', todo: 'write stream: rpc in `defaults`' };
}

function addFile(lines: Line[], { path }: Extract<Item, { kind: 'file' }>, readFile: (path: string) => Result<string>): Problem | null {
  const text = readFile(path);
  if (!text.ok) return text.problem;
  for (const [i, one] of text.value.split('\n').entries()) {
    if (one.trim() === '') continue;
    const line = parseLine(one);
    if (!line.ok) return { ...line.problem, at: `${path}:${i + 1}` };
    lines.push(line.value);
  }
  return null;
}
