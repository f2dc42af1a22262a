import { patience, services, span, window } from './world.js';

/**
 * The intervals in which each rule fires for each pair, counted the slow way from the events themselves: every window's latencies are sorted
 * anew. `empty`: rule and pair of each firing whose window ran empty, where engines differ in what they say of it.
 */
export function reference(events, rules) {
  const seconds = bySecond(events);
  const pairs = [...new Set(seconds.flatMap((second) => [...second.keys()]))];
  const found = { intervals: [], empty: new Set() };
  const states = new Map();
  for (let t = 1; t <= span; t++) {
    const held = seconds.slice(Math.max(0, t - window), t);
    for (const pair of pairs) {
      const measured = measure(held.flatMap((second) => second.get(pair) ?? []));
      const [source, destination] = pair.split(' ');
      for (const rule of rules) {
        if (!rule.destinations.includes(destination)) continue;
        const name = `${rule.id}\t${source}\t${destination}`;
        const state = states.get(name) ?? { since: null, fired: null };
        states.set(name, state);
        judge({ state, name, t, value: measured?.[rule.kind] ?? null, most: rule.most, found });
      }
    }
  }
  for (const [name, { fired }] of states) if (fired !== null) found.intervals.push(`${name}\t${fired}\t-`);
  return found;
}

function judge({ state, name, t, value, most, found }) {
  if (value !== null && value > most) {
    state.since ??= t;
    if (t - state.since >= patience) state.fired ??= t;
    return;
  }
  if (state.fired !== null) {
    found.intervals.push(`${name}\t${state.fired}\t${t}`);
    if (value === null) found.empty.add(name);
  }
  Object.assign(state, { since: null, fired: null });
}

/** For each second, by pair: how many failed, and all latencies. */
function bySecond({ n, time, source, destination, status, latency }) {
  const seconds = Array.from({ length: span }, () => new Map());
  for (let i = 0; i < n; i++) {
    const second = seconds[Math.floor(time[i] / 1_000_000)];
    const pair = `${services[source[i]].name} ${services[destination[i]].name}`;
    const cell = second.get(pair) ?? { failed: 0, latencies: [] };
    second.set(pair, cell);
    if (status[i] !== 0) cell.failed++;
    cell.latencies.push(latency[i]);
  }
  return seconds;
}

/** null: no request. p99 by nearest rank. */
function measure(cells) {
  const n = cells.reduce((sum, { latencies }) => sum + latencies.length, 0);
  if (n === 0) return null;
  const all = new Uint32Array(n);
  let at = 0;
  for (const { latencies } of cells) {
    all.set(latencies, at);
    at += latencies.length;
  }
  all.sort();
  const errors = cells.reduce((sum, { failed }) => sum + failed, 0) / n;
  return { errors, p99: all[Math.ceil((n * 99) / 100) - 1], rate: n / window };
}
