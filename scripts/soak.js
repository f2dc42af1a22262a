// `npm run soak -- NAME [RUNS]`: the long measurements behind the figures of README.md. Prints a line a run, and a summary as JSON.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const soaks = { scenarios, latency };
const [name = '', runs = ''] = process.argv.slice(2);
const soak = soaks[name];
if (soak === undefined) {
  process.stderr.write(`usage: npm run soak -- ${Object.keys(soaks).join('|')} [RUNS]\n`);
  process.exitCode = 2;
} else {
  const dir = mkdtempSync(join(tmpdir(), 'flyball-soak-'));
  try {
    process.exitCode = soak(dir, runs);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Every scenario on both buses, each RUNS times (10): how many were what they should be. */
function scenarios(dir, given) {
  const times = Number(given || 10);
  const summary = {};
  for (const bus of ['nats', 'local']) {
    for (const scenario of ['gray-failure', 'error-burst']) {
      const reports = repeat(times, () => run(dir, ['--scenario', scenario, '--bus', bus]));
      summary[`${scenario}, ${bus}`] = { ok: reports.filter((r) => r.ok).length, of: times };
    }
  }
  return conclude(
    summary,
    Object.values(summary).every(({ ok, of }) => ok === of),
  );
}

/** From the first instant at which `when` holds to the first request that shows the effect, over RUNS runs (20): medians, stage by stage. */
function latency(dir, given) {
  const times = Number(given || 20);
  const rules = join(dir, 'rules');
  cpSync(join(root, 'rules'), rules, { recursive: true });
  const file = join(rules, 'gray-failure', 'rule.yaml');
  const fast = readFileSync(file, 'utf8')
    .replace(/^for: .*$/m, 'for: 0s')
    .replace(/^(window: .*)$/m, '$1\nevery: 20ms');
  writeFileSync(file, fast);
  const reports = repeat(times, () => run(dir, ['--scenario', 'gray-failure', '--rules', rules]));
  const stages = ['decidedMs', 'publishedMs', 'acceptedMs', 'observedMs'];
  const p50 = Object.fromEntries(stages.map((stage) => [stage, median(reports.map((r) => r[stage] - r.crossedMs))]));
  const all = reports.map((r) => Math.round((r.observedMs - r.crossedMs) * 10) / 10).sort((a, b) => a - b);
  return conclude({ afterCrossedP50: p50, observedAfterCrossed: all }, p50.observedMs <= 60);
}

function repeat(times, once) {
  return Array.from({ length: times }, (_, i) => {
    const report = once();
    process.stdout.write(`${i + 1}/${times} ${JSON.stringify(report)}\n`);
    return report;
  });
}

function run(dir, args) {
  const env = { ...process.env, FLYBALL_HOME: join(dir, 'home') };
  const done = spawnSync(process.execPath, [join(root, 'bin', 'flyball.js'), 'up', '--once', '-o', 'json', ...args], {
    env,
    encoding: 'utf8',
    timeout: 180_000,
  });
  if (done.status !== 0) process.stderr.write(done.stderr);
  return done.stdout === '' ? { ok: false } : JSON.parse(done.stdout);
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const value = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return Math.round(value * 10) / 10;
}

function conclude(summary, ok) {
  process.stdout.write(`${JSON.stringify(summary)}\n`);
  return ok ? 0 : 1;
}
