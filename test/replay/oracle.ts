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
  readonly inner?: OracleAggregate;
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
  readonly plant?: 'open start' | 'line before instant';
};

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

export function oracle(rule: OracleRule, rows: readonly Row[]): readonly OracleChange[] {
  const changes: OracleChange[] = [];
  const logs = new Map<string, { readonly key: Columns; readonly log: Entry[] }>();
  if (rule.by.length === 0) logs.set('[]', { key: [], log: [] });
  const read: Row[] = [];
  const allTaken: Taken[] = [];
  let next = NaN;
  let over = false;
  for (const row of rows) {
    if (read.length === 0) next = (Math.floor(row.time / rule.every) + 1) * rule.every;
    for (; rule.plant === 'line before instant' ? next < row.time : next <= row.time; next += rule.every) over = over || judgeAll(next);
    read.push(row);
    allTaken.push(...take(rule, row));
  }
  if (read.length > 0 && !over) judgeAll(next);
  return changes;

  /** True when the rule is judged no more. */
  function judgeAll(t: number): boolean {
    const widest = Math.max(...windowsOf(rule));
    const life = lifeOf(read, rule.stream);
    const inWindow = (one: Taken, w: number): boolean =>
      (rule.plant === 'open start' ? t - w < one.time : t - w <= one.time) && one.time < t;
    const taken = allTaken.filter((r) => inWindow(r, widest));
    for (const one of taken) {
      const name = JSON.stringify(one.key);
      if (!logs.has(name)) logs.set(name, { key: one.key, log: [] });
    }
    const now: OracleChange[] = [];
    const expired = rule.expires !== null && t >= rule.expires;
    const keys = [...logs.values()].map((l) => l.key);
    for (const [name, { key, log }] of logs) {
      const before = log.at(-1) ?? { state: 'clear', verdict: 'unknown' };
      const byUntil = before.state === 'firing' || before.state === 'clearing';
      const see = (least: number) => (a: OracleAggregate) => value(a, { rule, taken, keys, key, t, least, life, inWindow });
      const seeWhen = see(rule.minimum.count);
      const seeUntil = see(rule.minimum.until);
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
      const held = taken.some((r) => JSON.stringify(r.key) === name);
      const cooling = cleared !== null && t < cleared + rule.cooldown;
      const doubled = lease > rule.lease && cleared !== null && t - cleared < lease;
      if (rule.by.length > 0 && !held && after.state === 'clear' && !cooling && !doubled) logs.delete(name);
    }
    changes.push(...now.sort((a, b) => order(a.key, b.key)));
    return expired;
  }
}

function take(rule: OracleRule, row: Row): Taken[] {
  if (row.kind !== 'record' || row.stream !== rule.stream) return [];
  const side = row.at['reporter.side'];
  if (!rule.namesReporter && side !== undefined && side !== 'destination') return [];
  if (rule.where(row.at) !== true) return [];
  const key = rule.by.map((column) => column(row.at));
  if (key.some((value) => value === undefined)) return [];
  return [{ time: row.time, key: key as Columns, at: row.at }];
}

function windowsOf(rule: OracleRule): number[] {
  const all = [...rule.when.aggregates, ...(rule.until?.aggregates ?? [])];
  return [rule.window, ...all.map((a) => (a.inner ?? a).window ?? rule.window)];
}

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
  readonly taken: readonly Taken[];
  readonly keys: readonly Columns[];
  readonly key: Columns;
  readonly t: number;
  readonly least: number;
  readonly life: ReturnType<typeof lifeOf>;
  readonly inWindow: (one: Taken, w: number) => boolean;
};

function value(a: OracleAggregate, scene: Scene): Seen {
  if (a.inner !== undefined) return peers(a.inner, scene);
  const { rule, t, key } = scene;
  const w = a.window ?? rule.window;
  const { life } = scene;
  if (life.allStale) return undefined;
  const e = scene.taken.filter((r) => scene.inWindow(r, w) && same(r.key, key));
  if (a.name === 'absent') return e.length > 0 ? false : pointsIn(life.marks, t - w, t).every(life.isLive) ? true : undefined;
  const read = a.read;
  const all = read === undefined ? e.map(() => 0) : e.map((r) => read(r.at));
  const good = all.filter((x) => x !== undefined);
  if ((all.length - good.length) / Math.max(1, e.length) > 0.05) return undefined;
  if (['count', 'rate', 'sum', 'distinct'].includes(a.name)) {
    if (!life.isAlive || pointsIn(life.marks, t - w, t).some(life.isStale)) return undefined;
    if (a.name === 'count') return read === undefined ? e.length : good.filter((x) => x === true).length;
    if (a.name === 'distinct') return new Set(good).size;
    const total = read === undefined ? e.length : sum(good as number[]);
    return a.name === 'sum' ? total : (total * 1000) / w;
  }
  if (e.length < scene.least || good.length === 0) return undefined;
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

function peers(inner: OracleAggregate, scene: Scene): number | undefined {
  const { rule, key, taken } = scene;
  const siblings = scene.keys.filter((k) => !same(k, key) && same(k.slice(0, -1), key.slice(0, -1)));
  const withRecord = siblings.filter((k) => taken.some((r) => same(r.key, k) && scene.inWindow(r, inner.window ?? rule.window)));
  const values = withRecord.map((k) => value(inner, { ...scene, key: k })).filter((x) => x !== undefined) as number[];
  if (values.length < rule.minimum.peers || values.length === 0) return undefined;
  values.sort((x, y) => x - y);
  const half = values.length / 2;
  return values.length % 2 === 1 ? values[Math.floor(half)] : ((values[half - 1] ?? 0) + (values[half] ?? 0)) / 2;
}

/** The stream's sources as functions of time, from what was read. */
function lifeOf(read: readonly Row[], stream: string) {
  const first = read.find((r) => r.kind === 'record' && r.stream === stream)?.time;
  const said = read.flatMap((r) => (r.kind === 'source' && r.streams.includes(stream) ? [r] : [])).sort((a, b) => a.time - b.time);
  const anyLive = (u: number): boolean | undefined => {
    const heard = said.filter((s) => s.time <= u);
    if (heard.length === 0) return undefined;
    return [...new Set(heard.map((s) => s.source))].some((name) => heard.findLast((s) => s.source === name)?.live);
  };
  const isLive = (u: number): boolean => anyLive(u) ?? (first !== undefined && first <= u);
  const isStale = (u: number): boolean => anyLive(u) === false && first !== undefined && u >= first;
  return {
    marks: [...said.map((s) => s.time), ...(first === undefined ? [] : [first])],
    isLive,
    isStale,
    allStale: anyLive(Infinity) === false,
    isAlive: anyLive(Infinity) ?? first !== undefined,
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
