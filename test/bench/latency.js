import { parseArgs } from 'node:util';
import { createBatchReader, readBatch } from '../../dist/src/core/decide/batches.js';
import { addRule, createJudge, readLine } from '../../dist/src/core/decide/judge.js';
import { generate } from './loop/events.js';
import { columnsOf, compiledRule } from './loop/feeds.js';
import { baseNs } from './loop/forms.js';
import { ruleAt, services, span } from './loop/world.js';

/**
 * `npm run bench -- latency`: how long after its due moment an instant's verdicts are out, with 1,000 rules at 200,000 records/s on one core. Stream time is
 * simulated, work is timed by the real clock: records arrive each millisecond, one piece of work waits for the one before, and what the machine or the garbage
 * collector takes counts as work. A record's verdict comes at most `every` and this after it arrived.
 * Options: --rules 1000 --rate 200000 --every 100 (ms) --seconds 40 --seed 42.
 */
const options = {
  rules: { type: 'string', default: '1000' },
  rate: { type: 'string', default: '200000' },
  every: { type: 'string', default: '100' },
  seconds: { type: 'string', default: '40' },
  seed: { type: 'string', default: '42' },
};
/** Until windows are full and code is compiled. */
const warmupMs = 15_000;
const tickNs = 1_000;

export function run(args) {
  const { values } = parseArgs({ args, options });
  const [rules, rate, every, seconds, seed] = [values.rules, values.rate, values.every, values.seconds, values.seed].map(Number);
  process.stderr.write(`${seconds} s of ${rate} records/s, judged every ${every} ms…\n`);
  const judge = createJudge({ tellsClear: false });
  for (let id = 0; id < rules; id++) addRule(judge, compiledRule(scaled(ruleAt(id), rate), { every: `${every}ms` }));
  const found = simulate(judge, arrivals(generate(2_000_000, seed), rate), { everyMs: every, endMs: warmupMs + seconds * 1_000 });
  const share = found.spentMs / (seconds * 1_000);
  return {
    instantLateMs: { ...spread(found.late), instants: found.late.length },
    /** A machine that others use stands still at times: this is the same piece of work, each time. */
    fixedWorkMs: { least: Math.min(...found.control), ...spread(found.control) },
    core: { busy: share, changes: found.changes },
    rows: [{ rules, rate, every, seconds, seed }],
  };
}

export const print = ({ instantLateMs, fixedWorkMs, core, rows: [{ rules, rate, every }] }) =>
  [
    `${rules} rules, ${rate} records/s, every ${every} ms: verdicts out after the due moment, over ${instantLateMs.instants} instants`,
    `  ms              ${textOf(instantLateMs)}`,
    `  fixed work, ms  ${textOf(fixedWorkMs)} · least ${fixedWorkMs.least.toFixed(2)}`,
    `  core busy ${(core.busy * 100).toFixed(1)} % · ${core.changes} changes of state`,
    '',
  ].join('\n');

const textOf = ({ p50, p90, p99, max }) => Object.entries({ p50, p90, p99, max }).map(([name, ms]) => `${name} ${ms.toFixed(2)}`).join(' · '); // prettier-ignore

function spread(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (q) => sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)];
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

function fixedWork() {
  const start = performance.now();
  let x = 0;
  for (let i = 0; i < 500_000; i++) x = (Math.imul(x, 31) + i) | 0;
  return performance.now() - start + (x === 1 ? 1e-9 : 0);
}

/** A rate that is too much at a request rate of the loop benchmark's, at this one. */
const scaled = (rule, rate) => (rule.kind === 'rate' ? { ...rule, most: (rule.most * rate * span) / 2_000_000 } : rule);

/** The batch that arrives at the end of millisecond `ms`; the events come again and again. */
function arrivals(events, rate) {
  const names = services.map(({ name }) => name);
  const size = Math.round(rate / 1_000);
  const failed = Uint8Array.from(events.status, (code) => (code === 0 ? 0 : 1));
  const ticks = Uint32Array.from({ length: size }, (_, i) => Math.floor((i * 1_000) / size));
  // Made before, as a decoder that writes the same columns again makes nothing.
  const batches = Array.from({ length: Math.floor(events.n / size) }, (_, at) => {
    const cut = (values) => values.subarray(at * size, (at + 1) * size);
    return columnsOf({
      from: cut(events.source),
      to: cut(events.destination),
      failed: cut(failed),
      latencies: cut(events.latency),
      names: [names, names],
    });
  });
  return (ms) => ({
    stream: 'rpc',
    size,
    baseNs: baseNs + BigInt(ms) * 1_000_000n,
    tickNs,
    ticks,
    columns: batches[ms % batches.length],
  });
}

function simulate(judge, arrive, { everyMs, endMs }) {
  const feed = createBatchReader(judge);
  const found = { late: [], control: [], spentMs: 0, changes: 0 };
  /** When the engine has done all that came before, in ms of simulated time. */
  let free = 0;
  const work = (ms, run) => {
    const start = performance.now();
    found.changes += run().length;
    const spent = performance.now() - start;
    free = Math.max(free, ms) + spent;
    if (ms > warmupMs) found.spentMs += spent;
  };
  for (let ms = 1; ms <= endMs; ms++) {
    const batch = arrive(ms - 1);
    work(ms, () => readBatch(feed, batch));
    if (ms % everyMs !== 0) continue;
    // The clock's tick; records that came before it are in.
    work(ms, () => readLine(judge, { stream: 'tick', time: baseNs + BigInt(ms) * 1_000_000n }));
    if (ms <= warmupMs) continue;
    found.late.push(free - ms);
    found.control.push(fixedWork());
  }
  return found;
}
