import type { Problem } from '../../model/problem.ts';
import type { FlyRecord } from '../../model/record.ts';
import type { Num, RuleAction } from '../../model/rule.ts';
import { floorDivide } from '../../model/time.ts';
import { compiledPrograms } from '../cel/programs.ts';
import { mentions } from '../cel/rewrite.ts';
import type { Scalar } from '../cel/value.ts';
import type { CompiledRule } from './types.ts';

/** What a rule would have seen of recorded traffic: how much of each key, and requests that more than one reporter told of. */
export type Traffic = {
  readonly compiled: CompiledRule;
  readonly note: (record: FlyRecord) => void;
  readonly problems: (file: string) => readonly Problem[];
};

const minuteNs = 60_000_000_000n;
/** What is looked at: the last hour of the recording. */
const minutesMax = 60n;
/** Keys, and ids of requests, that are followed; beyond, none is added. */
const keysMax = 10_000;
const idsMax = 200_000;
/** Requests told of twice, as a share of all, from which on it is no accident. */
const doubleShare = 0.01;

/** Takes records in order of time; warns of what a rule means for this traffic: W-BLIND, W-DOUBLE. */
export function createTraffic(compiled: CompiledRule): Traffic {
  const programs = compiledPrograms();
  const where = compiled.where === null ? null : programs.record(compiled.where);
  const columns = programs.records(compiled.columns.map(({ checked }) => checked));
  const seesAll = compiled.where !== null && mentions(compiled.where.expr, 'reporter');
  const minutes = new Map<bigint, Map<string, number>>();
  const ids = new Map<string, number>();
  const key: (Scalar | undefined)[] = [];
  let [firstNs, lastNs, told, twice] = [0n, 0n, 0, 0];
  return {
    compiled,
    note: (record) => {
      if (record.stream !== compiled.stream) return;
      if (!seesAll && (record.reporter.side ?? 'destination') !== 'destination') return;
      if (where !== null && where(record) !== true) return;
      columns(record, key);
      if (key.length < compiled.columns.length || key.includes(undefined)) return;
      const minute = floorDivide(record.time, minuteNs);
      if (minutes.size === 0) firstNs = record.time;
      if (record.time > lastNs) lastNs = record.time;
      const counts = minutes.get(minute) ?? new Map<string, number>();
      minutes.set(minute, counts);
      for (const old of minutes.keys()) if (old <= minute - minutesMax) minutes.delete(old);
      const text = JSON.stringify(key, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
      if (counts.has(text) || counts.size < keysMax) counts.set(text, (counts.get(text) ?? 0) + 1);
      const id = record.stream === 'rpc' ? record.request.id : undefined;
      if (id === undefined || (!ids.has(id) && ids.size >= idsMax)) return;
      const times = (ids.get(id) ?? 0) + 1;
      ids.set(id, times);
      told++;
      if (times === 2) twice++;
    },
    problems: (file) => {
      if (minutes.size === 0) return [];
      const from = [...minutes.keys()].reduce((a, b) => (a < b ? a : b)) * minuteNs;
      const seconds = Math.max(1, Number(lastNs - (from > firstNs ? from : firstNs)) / 1e9);
      const totals = new Map<string, number>();
      for (const counts of minutes.values()) for (const [text, n] of counts) totals.set(text, (totals.get(text) ?? 0) + n);
      const least = [...totals].reduce<readonly [string, number] | null>((a, b) => (a === null || b[1] < a[1] ? b : a), null);
      const blind =
        least === null
          ? []
          : compiled.rule.then.flatMap(
              (action) => blindness({ compiled, action, file, perSecond: least[1] / seconds, key: least[0] }) ?? [],
            );
      return [...blind, ...(twice > told * doubleShare ? [doubled(compiled, file, { twice, told: ids.size })] : [])];
    },
  };
}

type Avoided = {
  readonly compiled: CompiledRule;
  readonly action: RuleAction;
  readonly file: string;
  readonly perSecond: number;
  readonly key: string;
};

/** `avoid` that leaves a key too little for `until` to be judged: it would lose its lease, come back, and be avoided again. */
function blindness({ compiled: { rule }, action, file, perSecond, key }: Avoided): Problem | null {
  if (action.kind !== 'avoid') return null;
  const percent = greatest(action.percent);
  const { until } = rule.minimum;
  const windowS = Number(rule.windowNs) / 1e9;
  const left = perSecond * (1 - (percent ?? 0) / 100);
  if (percent === null || left * windowS >= until) return null;
  const enough = Math.floor((100 * (1 - until / (perSecond * windowS))) / 5) * 5;
  const wider = niceSeconds.find((seconds) => left * seconds >= until);
  const todo = [enough > 0 ? `percent: ${enough}` : null, wider === undefined ? null : `window: ${wider}s`].filter((one) => one !== null);
  const what = `avoid leaves ${short(left)} requests/s of ${key} (last hour): ${short(left * windowS)} in ${windowS}s, under minimum.until ${until}: \`until\` can never be judged`;
  return {
    code: 'W-BLIND',
    what,
    at: `${file}:${action.place.line}:${action.place.column}`,
    todo: todo.join(', or ') || `a smaller minimum.until`,
  };
}

const niceSeconds = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600];

/** The greatest share that a number takes by itself; null: that is not known before the fact. */
function greatest(num: Num): number | null {
  if (num.kind === 'literal') return num.value;
  if (num.kind === 'ramp') return Math.max(num.from, num.to);
  return num.kind === 'value' ? num.max : null;
}

function doubled({ rule }: CompiledRule, file: string, { twice, told }: { readonly twice: number; readonly told: number }): Problem {
  const { line, column } = rule.where ?? { line: 1, column: 1 };
  const what = `${twice} of ${told} requests were reported more than once, and count so`;
  return { code: 'W-DOUBLE', what, at: `${file}:${line}:${column}`, todo: 'reporter.side == "destination" && reporter.target == "…"' };
}

const short = (x: number): string => String(Number(x.toPrecision(2)));
