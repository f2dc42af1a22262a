/**
 * rules.md section 3 a second time, as slowly and as literally as it reads: at every instant everything is computed anew from the list of
 * all lines read so far. It shares no code with src; expressions come as functions. Times in ms, durations in µs, both whole numbers.
 */

export type Row =
  | { readonly kind: 'record'; readonly stream: 'rpc' | 'flow'; readonly time: number; readonly at: Attributes }
  | { readonly kind: 'tick'; readonly time: number }
  | {
      readonly kind: 'source';
      readonly time: number;
      readonly source: string;
      readonly live: boolean;
      readonly streams: readonly string[];
    };

/** Attributes by path; what is absent is not there. Durations in µs. */
export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** undefined: CEL's error. */
export type Read = (at: Attributes) => string | number | boolean | undefined;
export type Seen = string | number | boolean | undefined;

export type OracleAggregate = {
  readonly text: string;
  readonly name: string;
  readonly type: 'int' | 'double' | 'duration' | 'bool';
  /** The type of the argument. */
  readonly of?: 'int' | 'double' | 'duration' | 'bool' | 'string';
  readonly read?: Read;
  readonly window?: number;
  /** q in thousandths. */
  readonly q?: number;
  /** Of peers, share, rank, baseline, zscore. */
  readonly inner?: OracleAggregate;
  /** Left out: the rule's own records. */
  readonly set?: OracleSet;
  /** How far a baseline looks back. */
  readonly span?: number;
  /** Of burn_rate, by the key's first column. */
  readonly objective?: (first: string | number | boolean | undefined) => number;
  /** Of firing(). */
  readonly firing?: { readonly rule: OracleRule; readonly byKey: boolean };
};

/** A set of `select`. */
export type OracleSet = {
  readonly stream: 'rpc' | 'flow';
  readonly where: Read;
  readonly namesReporter: boolean;
  readonly by: readonly Read[];
  /** Which of the rule's columns these are. */
  readonly columns: readonly number[];
  readonly window: number;
  readonly offset: number;
  readonly minimum: { readonly count: number; readonly until: number };
};

export type Condition = {
  readonly aggregates: readonly OracleAggregate[];
  readonly judge: (see: (of: OracleAggregate) => Seen, of: { readonly key: Columns; readonly t: number }) => boolean | undefined;
};

export type Columns = readonly (string | number | boolean)[];

export type OracleRule = {
  readonly stream: 'rpc' | 'flow';
  readonly where: Read;
  readonly namesReporter: boolean;
  readonly by: readonly Read[];
  readonly names: readonly string[];
  readonly window: number;
  readonly every: number;
  readonly minimum: { readonly count: number; readonly until: number; readonly peers: number };
  readonly when: Condition;
  /** null: !(when). */
  readonly until: Condition | null;
  readonly for: number;
  readonly keep: number;
  readonly lease: number;
  readonly leaseMax: number;
  readonly cooldown: number;
  readonly expires: number | null;
  readonly warmup: boolean;
  /** A misreading, planted to see that it is found. */
  readonly plant?: Plant;
};

export type Plant =
  | 'open start'
  | 'line before instant'
  | 'no offset'
  | 'what fired counts'
  | 'a past of one window more'
  | 'two windows are a past'
  | 'share of the others'
  | 'rank after equals'
  | 'other rule at the same instant';

export type OracleChange = {
  readonly time: number;
  readonly key: Columns;
  readonly from: string;
  readonly to: string;
  readonly verdict: string;
  /** Durations in seconds. */
  readonly values: readonly (readonly [string, string | number | boolean | null])[];
};

type Entry = { readonly t: number; readonly state: string; readonly verdict: string; readonly byLease: boolean };
type Taken = { readonly time: number; readonly key: Columns; readonly at: Attributes };

export const oracle = (rule: OracleRule, rows: readonly Row[]): readonly OracleChange[] => course(rule, rows).changes;

/** The keys that were in force after each instant. */
type Forces = readonly { readonly t: number; readonly keys: readonly Columns[] }[];

/** What becomes of a rule, from beginning to end. */
function course(rule: OracleRule, rows: readonly Row[]): { readonly changes: readonly OracleChange[]; readonly forces: Forces } {
  const changes: OracleChange[] = [];
  const forces: { t: number; keys: Columns[] }[] = [];
  const others = new Map(othersOf(rule).map((other) => [other, other === rule ? forces : course(other, rows).forces]));
  /** Instants in which a key was in force, also after it was forgotten. */
  const fired = new Map<string, number[]>();
  const taken = new Map<OracleSet | null, Taken[]>();
  const logs = new Map<string, { readonly key: Columns; readonly log: Entry[] }>();
  if (rule.by.length === 0) logs.set('[]', { key: [], log: [] });
  const read: Row[] = [];
  let next = NaN;
  let over = false;
  for (const row of rows) {
    if (read.length === 0) next = (Math.floor(row.time / rule.every) + 1) * rule.every;
    for (; rule.plant === 'line before instant' ? next < row.time : next <= row.time; next += rule.every) over = over || judgeAll(next);
    read.push(row);
    for (const set of setsOf(rule)) taken.set(set, [...(taken.get(set) ?? []), ...take(set ?? rule, row)]);
  }
  if (read.length > 0 && !over) judgeAll(next);
  return { changes, forces };

  /** True when the rule is judged no more. */
  function judgeAll(t: number): boolean {
    const widest = Math.max(...windowsOf(rule));
    const inWindow = (one: Taken, w: number, to: number): boolean =>
      (rule.plant === 'open start' ? to - w < one.time : to - w <= one.time) && one.time < to;
    const own = (taken.get(null) ?? []).filter((r) => inWindow(r, widest, t));
    for (const one of own) {
      const name = JSON.stringify(one.key);
      if (!logs.has(name)) logs.set(name, { key: one.key, log: [] });
    }
    const now: OracleChange[] = [];
    const expired = rule.expires !== null && t >= rule.expires;
    const keys = [...logs.values()].map((l) => l.key);
    for (const [name, { key, log }] of logs) {
      const before = log.at(-1) ?? { state: 'clear', verdict: 'unknown' };
      const byUntil = before.state === 'firing' || before.state === 'clearing';
      const see = (by: 'count' | 'until') => (a: OracleAggregate) =>
        value(a, { rule, read, taken, keys, key, t, shift: 0, by, inWindow, fired: fired.get(name) ?? [], others });
      const seeWhen = see('count');
      const seeUntil = see('until');
      let after: Entry;
      if (expired) {
        if (before.state === 'clear') continue;
        after = { t, state: 'clear', verdict: 'unknown', byLease: false };
      } else {
        const holds = byUntil
          ? rule.until === null
            ? rule.when.judge(seeUntil, { key, t })
            : not(rule.until.judge(seeUntil, { key, t }))
          : rule.when.judge(seeWhen, { key, t });
        const cold = rule.warmup && t - rule.window < (read[0]?.time ?? 0);
        const verdict = cold || holds === undefined ? 'unknown' : holds ? 'holds' : 'clear';
        after = follow(rule, log, { t, verdict });
      }
      log.push(after);
      if (after.state !== before.state || after.verdict !== before.verdict) {
        const until = rule.until ?? rule.when;
        const values = new Map<string, string | number | boolean | null>();
        for (const a of rule.when.aggregates) {
          const both = until.aggregates.some((b) => b.text === a.text);
          values.set(a.text, shown(a, (both && byUntil ? seeUntil : seeWhen)(a)));
        }
        for (const a of until.aggregates) if (!values.has(a.text)) values.set(a.text, shown(a, seeUntil(a)));
        now.push({ time: t, key, from: before.state, to: after.state, verdict: after.verdict, values: [...values] });
      }
      const { cleared, lease } = past(rule, log);
      const held = own.some((r) => JSON.stringify(r.key) === name);
      const cooling = cleared !== null && t < cleared + rule.cooldown;
      const doubled = lease > rule.lease && cleared !== null && t - cleared < lease;
      if (rule.by.length > 0 && !held && after.state === 'clear' && !cooling && !doubled) logs.delete(name);
    }
    changes.push(...now.sort((a, b) => order(a.key, b.key)));
    const inForce = [...logs].filter(([, { log }]) => ['firing', 'clearing'].includes(log.at(-1)?.state ?? ''));
    for (const [name] of inForce) fired.set(name, [...(fired.get(name) ?? []), t]);
    forces.push({ t, keys: inForce.map(([, { key }]) => key) });
    return expired;
  }
}

function take(rule: Pick<OracleSet, 'stream' | 'where' | 'namesReporter' | 'by'>, row: Row): Taken[] {
  if (row.kind !== 'record' || row.stream !== rule.stream) return [];
  const side = row.at['reporter.side'];
  if (!rule.namesReporter && side !== undefined && side !== 'destination') return [];
  if (rule.where(row.at) !== true) return [];
  const key = rule.by.map((column) => column(row.at));
  if (key.some((value) => value === undefined)) return [];
  return [{ time: row.time, key: key as Columns, at: row.at }];
}

const aggregatesOf = (rule: OracleRule): readonly OracleAggregate[] =>
  [...rule.when.aggregates, ...(rule.until?.aggregates ?? [])].flatMap((a) => (a.inner === undefined ? [a] : [a, a.inner]));

const setsOf = (rule: OracleRule): readonly (OracleSet | null)[] => [...new Set([null, ...aggregatesOf(rule).map((a) => a.set ?? null)])];

const othersOf = (rule: OracleRule): readonly OracleRule[] =>
  aggregatesOf(rule).flatMap((a) => (a.firing === undefined ? [] : [a.firing.rule]));

/** The windows of the rule's own set, offsets and spans aside. */
const windowsOf = (rule: OracleRule): number[] => [
  rule.window,
  ...aggregatesOf(rule).flatMap((a) => (a.set === undefined && a.window !== undefined ? [a.window] : [])),
];

/** One step of the states, from the whole log of the key. */
function follow(rule: OracleRule, log: readonly Entry[], { t, verdict }: { readonly t: number; readonly verdict: string }): Entry {
  const state = log.at(-1)?.state ?? 'clear';
  const to = (next: string, byLease = false): Entry => ({ t, state: next, verdict, byLease });
  const { cleared, leaseEnd } = past(rule, log);
  /** Since when the log has been in the state without a break. */
  const since = log[log.findLastIndex((e) => e.state !== state) + 1]?.t ?? t;
  if (state === 'clear') {
    if (verdict !== 'holds') return to('clear');
    if (cleared !== null && t < cleared + rule.cooldown) return to('clear');
    return to(rule.for === 0 ? 'firing' : 'pending');
  }
  if (state === 'pending') return to(verdict !== 'holds' ? 'clear' : since <= t - rule.for ? 'firing' : 'pending');
  if (verdict === 'unknown') return t >= leaseEnd ? to('clear', true) : to('firing');
  if (verdict === 'holds') return to('firing');
  if (state === 'firing') return to(rule.keep === 0 ? 'clear' : 'clearing');
  return to(since <= t - rule.keep ? 'clear' : 'clearing');
}

/** What the log says of leases: the last clear, the lease that is or comes next, and where it ends. */
function past(rule: OracleRule, log: readonly Entry[]): { cleared: number | null; lease: number; leaseEnd: number } {
  let cleared: number | null = null;
  let lease = rule.lease;
  let leaseEnd = -Infinity;
  let inForce = false;
  for (const entry of log) {
    const now = entry.state === 'firing' || entry.state === 'clearing';
    if (now && !inForce && cleared !== null && entry.t - cleared >= lease) lease = rule.lease;
    if (now && entry.verdict !== 'unknown') leaseEnd = entry.t + lease;
    if (!now && inForce) {
      cleared = entry.t;
      if (entry.byLease) lease = Math.max(rule.lease, Math.min(2 * lease, rule.leaseMax));
    }
    inForce = now;
  }
  return { cleared, lease, leaseEnd };
}

type Scene = {
  readonly rule: OracleRule;
  readonly read: readonly Row[];
  readonly taken: ReadonlyMap<OracleSet | null, readonly Taken[]>;
  readonly keys: readonly Columns[];
  readonly key: Columns;
  readonly t: number;
  /** How long before t the window ends, besides the offset of its set. */
  readonly shift: number;
  readonly by: 'count' | 'until';
  readonly inWindow: (one: Taken, w: number, to: number) => boolean;
  readonly fired: readonly number[];
  readonly others: ReadonlyMap<OracleRule, Forces>;
};

function value(a: OracleAggregate, scene: Scene): Seen {
  if (a.firing !== undefined) return firing(a.firing, scene);
  if (a.objective !== undefined) {
    const good = plainValue({ ...a, name: 'ratio' }, scene);
    const rate = (1 - Number(good)) / (1 - a.objective(scene.key[0]));
    return good === undefined || Number.isNaN(rate) ? undefined : rate;
  }
  if (a.inner === undefined) return plainValue(a, scene);
  return a.span === undefined ? ofSiblings(a.name, a.inner, scene) : ofPast(a.name, a.inner, a.span, scene);
}

/** The records of an aggregate's window for the key, and where the window ends. */
function windowOf(
  a: OracleAggregate,
  { taken, key, t, shift, rule, inWindow }: Omit<Scene, 'fired'>,
): { e: readonly Taken[]; w: number; to: number } {
  const set = a.set ?? null;
  const own = set === null ? key : set.columns.map((i) => key[i] ?? '');
  const to = t - shift - (rule.plant === 'no offset' ? 0 : (set?.offset ?? 0));
  const w = a.window ?? (set ?? rule).window;
  return { e: (taken.get(set) ?? []).filter((r) => inWindow(r, w, to) && same(r.key, own)), w, to };
}

function firing({ rule, byKey }: NonNullable<OracleAggregate['firing']>, { others, t, key, rule: asking }: Scene): boolean {
  const isLate = asking.plant === 'other rule at the same instant';
  const keys = others.get(rule)?.findLast((one) => (isLate ? one.t <= t : one.t < t))?.keys ?? [];
  const agrees = (other: Columns): boolean =>
    rule.names.every((name, i) => !asking.names.includes(name) || key[asking.names.indexOf(name)] === other[i]);
  return byKey ? keys.some(agrees) : keys.length > 0;
}

function ofPast(name: string, inner: OracleAggregate, span: number, scene: Scene): number | undefined {
  const { w } = windowOf(inner, scene);
  const values: number[] = [];
  const { plant } = scene.rule;
  const fired = plant === 'what fired counts' ? [] : scene.fired;
  for (let i = 1; i <= Math.floor(span / w) + (plant === 'a past of one window more' ? 1 : 0); i++) {
    const then = { ...scene, shift: i * w };
    const { e, to } = windowOf(inner, then);
    if (e.length === 0 || fired.some((u) => to - w < u && u <= to)) continue;
    const seen = plainValue(inner, then);
    if (seen !== undefined) values.push(Number(seen));
  }
  if (values.length < (plant === 'two windows are a past' ? 2 : 3)) return undefined;
  const isOne = values.every((x) => x === values[0]);
  const mean = isOne ? (values[0] ?? 0) : sum(values) / values.length;
  if (name === 'baseline') return mean;
  const now = plainValue(inner, scene);
  const deviation = isOne ? 0 : Math.sqrt(sum(values.map((x) => (x - mean) ** 2)) / values.length);
  return now === undefined || deviation === 0 ? undefined : (Number(now) - mean) / deviation;
}

function plainValue(a: OracleAggregate, scene: Scene): Seen {
  const { rule, by } = scene;
  const { e, w, to } = windowOf(a, scene);
  const life = lifeOf(scene.read, a.set?.stream ?? rule.stream, to);
  if (life.allStale) return undefined;
  if (a.name === 'absent') return e.length > 0 ? false : pointsIn(life.marks, to - w, to).every(life.isLive) ? true : undefined;
  const read = a.read;
  const all = read === undefined ? e.map(() => 0) : e.map((r) => read(r.at));
  const good = all.filter((x) => x !== undefined);
  if ((all.length - good.length) / Math.max(1, e.length) > 0.05) return undefined;
  if (['count', 'rate', 'sum', 'distinct'].includes(a.name)) {
    if (!life.isAlive || pointsIn(life.marks, to - w, to).some(life.isStale)) return undefined;
    if (a.name === 'count') return read === undefined ? e.length : good.filter((x) => x === true).length;
    if (a.name === 'distinct') return new Set(good).size;
    const total = read === undefined ? e.length : sum(good as number[]);
    return a.name === 'sum' ? total : (total * 1000) / w;
  }
  if (e.length < (a.set ?? rule).minimum[by] || good.length === 0) return undefined;
  const numbers = [...(good as number[])].sort((x, y) => x - y);
  const n = numbers.length;
  const mean = sum(numbers) / n;
  switch (a.name) {
    case 'ratio':
      return good.filter((x) => x === true).length / n;
    case 'min':
      return numbers[0];
    case 'max':
      return numbers[n - 1];
    case 'mean':
      return mean;
    case 'stddev':
      return Math.sqrt(sum(numbers.map((x) => (x - mean) ** 2)) / n);
    case 'quantile':
      // ceil(q n) in whole numbers; no double comes near it.
      return numbers[Math.max(1, Math.floor(((a.q ?? 0) * n + 999) / 1000)) - 1];
    default:
      throw new Error(`no aggregate ${a.name}`);
  }
}

function ofSiblings(name: string, inner: OracleAggregate, scene: Scene): number | undefined {
  const { rule, key } = scene;
  const siblings = scene.keys.filter((k) => !same(k, key) && same(k.slice(0, -1), key.slice(0, -1)));
  const withRecord = siblings.filter((k) => windowOf(inner, { ...scene, key: k }).e.length > 0);
  const values = withRecord.map((k) => plainValue(inner, { ...scene, key: k })).filter((x) => x !== undefined) as number[];
  const own = plainValue(inner, scene);
  if (name === 'rank')
    return own === undefined
      ? undefined
      : 1 + values.filter((x) => (rule.plant === 'rank after equals' ? x >= Number(own) : x > Number(own))).length;
  if (name === 'share') {
    const all = sum(values) + (rule.plant === 'share of the others' ? 0 : Number(own));
    return own === undefined || all === 0 ? undefined : Number(own) / all;
  }
  if (values.length < rule.minimum.peers || values.length === 0) return undefined;
  values.sort((x, y) => x - y);
  const half = values.length / 2;
  return values.length % 2 === 1 ? values[Math.floor(half)] : ((values[half - 1] ?? 0) + (values[half] ?? 0)) / 2;
}

/** The stream's sources as functions of time, from what was read; `allStale` and `isAlive` as they were just before `to`. */
function lifeOf(read: readonly Row[], stream: string, to: number) {
  const first = read.find((r) => r.kind === 'record' && r.stream === stream)?.time;
  const said = read.flatMap((r) => (r.kind === 'source' && r.streams.includes(stream) ? [r] : [])).sort((a, b) => a.time - b.time);
  const anyLive = (u: number): boolean | undefined => {
    const heard = said.filter((s) => s.time <= u);
    if (heard.length === 0) return undefined;
    return [...new Set(heard.map((s) => s.source))].some((name) => heard.findLast((s) => s.source === name)?.live);
  };
  const isLive = (u: number): boolean => anyLive(u) ?? (first !== undefined && first <= u);
  const isStale = (u: number): boolean => anyLive(u) === false && first !== undefined && u >= first;
  const heardBefore = said.some((s) => s.time < to) ? anyLive(Math.max(...said.filter((s) => s.time < to).map((s) => s.time))) : undefined;
  return {
    marks: [...said.map((s) => s.time), ...(first === undefined ? [] : [first])],
    isLive,
    isStale,
    allStale: heardBefore === false,
    isAlive: heardBefore ?? (first !== undefined && first < to),
  };
}

/** Times at which each stretch within [from, to) begins. */
const pointsIn = (marks: readonly number[], from: number, to: number): number[] => [from, ...marks.filter((m) => m > from && m < to)];

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
const same = (a: Columns, b: Columns): boolean => JSON.stringify(a) === JSON.stringify(b);
const not = (x: boolean | undefined): boolean | undefined => (x === undefined ? undefined : !x);

function shown(a: OracleAggregate, seen: Seen): string | number | boolean | null {
  if (seen === undefined) return null;
  return a.type === 'duration' && typeof seen === 'number' ? seen / 1e6 : seen;
}

function order(a: Columns, b: Columns): number {
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [comparable(a[i] ?? 0), comparable(b[i] ?? 0)];
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}

/** Text by code point: each as a number of fixed width. */
const comparable = (x: string | number | boolean): string | number | boolean =>
  typeof x === 'string' ? Array.from(x, (char) => (char.codePointAt(0) ?? 0).toString().padStart(8, '0')).join('') : x;
