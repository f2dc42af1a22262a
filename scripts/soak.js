// `npm run soak -- NAME [RUNS]`: the long measurements behind the figures of README.md. Prints a line a run, and a summary as JSON.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const soaks = { scenarios, latency, sidecar, cel, rules, hostile };
const [name = '', runs = ''] = process.argv.slice(2);
const soak = soaks[name];
if (soak === undefined) {
  process.stderr.write(`usage: npm run soak -- ${Object.keys(soaks).join('|')} [RUNS]\n`);
  process.exitCode = 2;
} else {
  const dir = mkdtempSync(join(tmpdir(), 'flyball-soak-'));
  try {
    process.exitCode = await soak(dir, runs);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Every scenario on both buses, each RUNS times (10): how many were what they should be. */
async function scenarios(dir, given) {
  const { scenarioNames } = await import('../dist/connectors/shop/scenarios.js');
  const times = Number(given || 10);
  const summary = {};
  for (const bus of ['nats', 'local']) {
    for (const scenario of scenarioNames) {
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

/**
 * In mid-incident the sidecar is killed RUNS times (10): from the start of its next process to the first request that the right table
 * touches, in ms.
 */
async function sidecar(dir, given) {
  const times = Number(given || 10);
  const rules = join(dir, 'rules');
  cpSync(join(root, 'rules'), rules, { recursive: true });
  const file = join(rules, 'gray-failure', 'rule.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace(/^keep_firing_for: .*$/m, 'keep_firing_for: 10m'));
  const home = join(dir, 'home');
  const args = [join(root, 'bin', 'flyball.js'), 'up', '--scenario', 'gray-failure', '--rules', rules];
  const up = spawn(process.execPath, args, { env: { ...process.env, FLYBALL_HOME: home }, stdio: 'ignore' });
  const part = () => JSON.parse(readFileSync(join(home, 'run.json'), 'utf8')).parts['adapter.shop-checkout'];
  const took = [];
  try {
    await until(async () => (await touched(part().address)) === true, 60_000);
    for (let i = 0; i < times; i++) {
      const { pid, address } = part();
      process.kill(pid, 'SIGKILL');
      await until(async () => part().pid !== pid && part().pid !== null, 30_000);
      const start = performance.now();
      await until(async () => (await touched(address)) === true, 30_000);
      took.push(Math.round(performance.now() - start));
      process.stdout.write(`${i + 1}/${times} ${took.at(-1)} ms\n`);
      await new Promise((done) => setTimeout(done, 2_000));
    }
  } finally {
    up.kill('SIGINT');
    await new Promise((done) => up.once('exit', done));
  }
  const worst = Math.max(...took);
  return conclude({ rightTableAfterMs: { p50: median(took), worst } }, worst <= 1_000);
}

/** RUNS (1,000,000) pairs of random expression and record, or set of aggregates: compiled against the plain evaluator. */
function cel(_, given) {
  const pairs = Number(given || 1_000_000);
  // Five tests; of each test's expressions some are refused, and one of them takes six at once.
  return compared('test/cel/compiled.test.ts', 'give what the plain', { FLYBALL_CEL_EXPRESSIONS: Math.ceil(pairs / 150) }, pairs);
}

/** RUNS (10,000) pairs of random rule and stream: the judge against the list oracle. */
function rules(_, given) {
  const pairs = Number(given || 10_000);
  return compared('test/replay/oracle.test.ts', 'says what the text says', { FLYBALL_RULES: 7 * Math.ceil(pairs / 19) }, pairs);
}

/** RUNS (1,000) hostile rules over hostile records, and a thousand times as many random texts: the slowest of each, in ms. */
function hostile(_, given) {
  const many = Number(given || 1_000);
  const done = tested('test/cel/hostile.test.ts', 'or', { FLYBALL_HOSTILE_RULES: many, FLYBALL_HOSTILE_TEXTS: many * 1_000 });
  const slowestMs = [...done.stdout.matchAll(/^slowest (\S+).* (\S+) ms/gm)].map(([, of, ms]) => [of, Number(ms)]);
  return conclude({ seed: done.seed, slowestMs: Object.fromEntries(slowestMs) }, done.status === 0 && slowestMs.length === 2 && slowestMs.every(([, ms]) => ms <= 100)); // prettier-ignore
}

/** Runs a differential test over another seed each time, and adds up the pairs that it says it compared. */
function compared(file, named, size, wanted) {
  const done = tested(file, named, size);
  const pairs = [...done.stdout.matchAll(/^pairs (\d+)$/gm)].reduce((sum, [, n]) => sum + Number(n), 0);
  return conclude({ seed: done.seed, pairs, differences: done.status === 0 ? 0 : 'see above' }, done.status === 0 && pairs >= wanted);
}

/** Runs tests of a file with another seed each time; what a failing one prints is shown. */
function tested(file, named, size) {
  const seed = 1 + Math.floor(Math.random() * 1e9);
  const env = { ...process.env, ...size, FLYBALL_SEED: seed };
  const args = ['vitest', 'run', file, '-t', named, '--disable-console-intercept', '--testTimeout', '3600000'];
  const done = spawnSync('npx', args, { cwd: root, env, encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (done.status !== 0) process.stdout.write(`${done.stdout}\n${done.stderr}`);
  return { ...done, seed };
}

/** Whether a request through the sidecar is touched by the rule; null while nobody answers. */
async function touched(address) {
  try {
    const answer = await fetch(new URL('/cart', address), { headers: { 'x-flyball-debug': '1' } });
    await answer.arrayBuffer();
    return (answer.headers.get('x-flyball-applied') ?? '').includes('gray-failure@');
  } catch {
    // Not listening yet, which is what is being waited for.
    return null;
  }
}

async function until(holds, msMax) {
  for (const end = performance.now() + msMax; performance.now() < end;) {
    try {
      if (await holds()) return;
    } catch (error) {
      // run.json is not there yet, or is being replaced.
      if (error.code !== 'ENOENT' && !(error instanceof TypeError) && !(error instanceof SyntaxError)) throw error;
    }
    await new Promise((done) => setTimeout(done, 5));
  }
  throw new Error(`not within ${msMax} ms`);
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
