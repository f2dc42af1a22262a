import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { generate, toBytes } from './loop/events.js';
import { preparePeers } from './loop/peers.js';
import { runBounded } from './loop/process.js';
import { reference } from './loop/reference.js';
import { ruleAt, ruleCount, services } from './loop/world.js';
import { median } from './measure.js';

/**
 * `npm run bench -- loop`: one workload through the whole loop from request to firing, in our engine and in others, one process at a time. Each engine
 * gives the same objects with string keys, loaded before anything is timed; each engine's intervals are compared with those of a slow reference.
 * Options: --seeds 42,7,2026 --rules 1,10,100,1000 --events 2000000 --rounds 5.
 */
const warmups = 4;
const roundsSecondsMax = 60;
const processMsMax = 180_000;
const forms = ['objects', 'columns', 'records'];

const options = {
  seeds: { type: 'string', default: '42,7,2026' },
  rules: { type: 'string', default: '1,10,100,1000' },
  events: { type: 'string', default: '2000000' },
  rounds: { type: 'string', default: '5' },
};
const say = (line) => process.stderr.write(`${line}\n`);

export async function run(args) {
  const { values } = parseArgs({ args, options });
  const [seeds, counts] = [values.seeds, values.rules].map((text) => text.split(',').map(Number));
  const { ready, left } = await preparePeers(say);
  for (const { name, why } of left) say(`${name} is not run: ${why}`);
  const ours = forms.map((form) => ({
    name: `ours, ${form}`,
    command: [process.execPath, join(import.meta.dirname, 'loop', 'ours.js')],
    form,
  }));
  const rows = [];
  for (const seed of seeds) {
    const folder = mkdtempSync(join(tmpdir(), 'flyball-bench-'));
    try {
      const expected = prepare(folder, { seed, n: Number(values.events) });
      for (const rules of counts)
        for (const engine of [...ours, ...ready]) rows.push(await measure(engine, { folder, seed, rules, rounds: Number(values.rounds), expected })); // prettier-ignore
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return { events: Number(values.events), notRun: left, ...compared(rows, counts), rows };
}

/** Writes what the processes read, and counts what they must find. */
function prepare(folder, { seed, n }) {
  say(`seed ${seed}: generating ${n} requests, and counting their intervals the slow way…`);
  const events = generate(n, seed);
  const all = Array.from({ length: ruleCount }, (_, id) => ruleAt(id));
  writeFileSync(join(folder, 'events.bin'), toBytes(events));
  writeFileSync(join(folder, 'services.txt'), services.map(({ name }) => `${name}\n`).join(''));
  const lines = all.map(({ id, kind, most, destinations }) => [id, kind, most, destinations.join(',')].join('\t'));
  writeFileSync(join(folder, 'rules.tsv'), `${lines.join('\n')}\n`);
  return reference(events, all);
}

async function measure({ name, command, form = '' }, { folder, seed, rules, rounds, expected }) {
  say(`seed ${seed}, ${rules} rules, ${name}…`);
  const words = [...command, folder, rules, warmups, rounds, roundsSecondsMax, form].map(String);
  rmSync(join(folder, 'intervals.tsv'), { force: true });
  // What Flink leaves behind goes with the folder.
  const { code, out, why } = await runBounded(words, { msMax: processMsMax, env: { JAVA_TOOL_OPTIONS: `-Djava.io.tmpdir=${folder}` } });
  const row = { seed, rules, engine: name };
  if (code !== 0) return { ...row, failed: why };
  const { rates, peakMB } = JSON.parse(out.trim().split('\n').at(-1));
  const checked = check(readFileSync(join(folder, 'intervals.tsv'), 'utf8'), rules, expected);
  const [mps, best] = [median(rates), Math.max(...rates)].map((rate) => rate / 1e6);
  say(`  ${best.toFixed(2)} M/s (median ${mps.toFixed(2)}), ${peakMB} MB, ${textOf(checked)}`);
  return { ...row, mps, best, peakMB, ...checked };
}

/**
 * Intervals that differ from the reference's. Where a firing pair's window ran empty, engines may differ for good reason (ours says unknown, and waits for the
 * lease to end): what such a rule says of such a pair is left out on both sides, and counted.
 */
function check(text, rules, { intervals, empty }) {
  const isOf = (line) => Number(line.split('\t')[0]) < rules;
  const isCompared = (line) => line !== '' && isOf(line) && !empty.has(line.split('\t').slice(0, 3).join('\t'));
  const [wanted, got] = [intervals, text.split('\n')].map((lines) => new Set(lines.filter(isCompared)));
  const missing = [...wanted].filter((line) => !got.has(line)).length;
  const extra = [...got].filter((line) => !wanted.has(line)).length;
  return { intervals: wanted.size, missing, extra, emptied: [...empty].filter(isOf).length };
}

const textOf = ({ intervals, missing, extra, emptied }) =>
  `${missing + extra === 0 ? `all ${intervals} intervals equal` : `${missing} of ${intervals} intervals missing, ${extra} extra`}${emptied > 0 ? `, ${emptied} left out` : ''}`;

/** By engine and number of rules: of the best round, the median over the seeds. What else a machine does only slows a round down. */
function compared(rows, counts) {
  const engines = [...new Set(rows.map(({ engine }) => engine))];
  const speed = (engine, rules) => {
    const of = rows.filter((row) => row.engine === engine && row.rules === rules && row.best !== undefined);
    return of.length === 0 ? null : median(of.map(({ best }) => best));
  };
  const better = (rules) => Math.max(...engines.filter((name) => !name.startsWith('ours')).map((name) => speed(name, rules) ?? 0));
  const byRules = (of) => Object.fromEntries(counts.map((rules) => [rules, of(rules)]));
  const speeds = Object.fromEntries(engines.map((engine) => [engine, byRules((rules) => speed(engine, rules))]));
  const timesBetterPeer = Object.fromEntries(
    engines.flatMap((engine) =>
      engine.startsWith('ours') ? [[engine, byRules((rules) => over(speed(engine, rules), better(rules)))]] : [],
    ),
  );
  return { millionsPerSecond: speeds, timesBetterPeer };
}

const over = (a, b) => (a === null || b === 0 ? null : a / b);

/** The table that people read. */
export function print({ rows, millionsPerSecond, timesBetterPeer, notRun }) {
  const counts = Object.keys(Object.values(millionsPerSecond)[0] ?? {});
  const shown = (values, digits) => counts.map((rules) => (values[rules]?.toFixed(digits) ?? '-').padStart(9)).join('');
  const peak = (engine) => Math.max(...rows.filter((row) => row.engine === engine).map(({ peakMB }) => peakMB ?? 0));
  const lines = [`${'rules'.padEnd(24)}${counts.map((rules) => rules.padStart(9)).join('')}   peak MB   (M requests/s)`];
  for (const [engine, values] of Object.entries(millionsPerSecond))
    lines.push(`${engine.padEnd(24)}${shown(values, 2)}${String(peak(engine)).padStart(10)}`);
  for (const [engine, values] of Object.entries(timesBetterPeer)) lines.push(`${`${engine} / better peer`.padEnd(24)}${shown(values, 2)}`);
  for (const { name, why } of notRun) lines.push(`${name} was not run: ${why}`);
  for (const row of rows.filter(({ failed }) => failed !== undefined))
    lines.push(`${row.engine}, ${row.rules} rules, seed ${row.seed} failed: ${row.failed}`);
  const checked = rows.filter(({ intervals }) => intervals !== undefined);
  const wrong = checked.filter(({ missing, extra }) => missing + extra > 0);
  const emptied = Math.max(0, ...checked.map((row) => row.emptied));
  lines.push(
    `intervals equal to the reference in ${checked.length - wrong.length} of ${checked.length} runs; windows of firing pairs that ran empty: ${emptied}`,
  );
  for (const row of wrong) lines.push(`  ${row.engine}, ${row.rules} rules, seed ${row.seed}: ${textOf(row)}`);
  return `${lines.join('\n')}\n`;
}
