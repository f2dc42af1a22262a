// `npm run sim -- [--seeds N] [--seed S] [--world NAME]`: the protocol over simulated networks, one run a seed. Exit code 1 when a seed breaks an invariant.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const usage = 'usage: npm run sim -- [--seeds N (2000)] [--from S (1)] | --seed S   [--world plain|engines|rich]';
const options = {
  seeds: { type: 'string' },
  seed: { type: 'string' },
  from: { type: 'string' },
  world: { type: 'string' },
  help: { type: 'boolean' },
};

/** What was asked; null, with what is wrong said: nothing that can be done. */
function asked() {
  try {
    const { values } = parseArgs({ options });
    if (values.help) throw new Error('');
    const [seeds, from] = values.seed === undefined ? [Number(values.seeds ?? 2_000), Number(values.from ?? 1)] : [1, Number(values.seed)];
    if (!Number.isSafeInteger(seeds) || !Number.isSafeInteger(from) || seeds < 1 || from < 0) throw new Error('seeds are whole numbers');
    return { seeds, from, world: values.world ?? '' };
  } catch (error) {
    process.stderr.write(`${error.message === '' ? '' : `${error.message}\n`}${usage}\n`);
    return null;
  }
}

function run({ seeds, from, world }) {
  const root = join(import.meta.dirname, '..');
  const env = { ...process.env, SIM_SEEDS: seeds, SIM_FROM: from, SIM_WORLD: world };
  const args = ['vitest', 'run', 'test/sim/sim.test.ts', '-t', 'keeps the protocol', '--disable-console-intercept'];
  const child = spawn('npx', args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const began = performance.now();
  const failed = [];
  let [rest, errors, played] = ['', '', 0];
  child.stdout.on('data', (chunk) => {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop();
    for (const line of lines) {
      const [what, name, count, ...more] = line.split(' ');
      if (what === 'trace')
        process.stdout.write(
          `${JSON.stringify({ world: name, seed: Number(count), trace: more[0], ...JSON.parse(more.slice(1).join(' ')) })}\n`,
        );
      if (what === 'failed') {
        failed.push({ world: name, seed: Number(count), violation: more.join(' ') });
        process.stdout.write(`${JSON.stringify(failed.at(-1))}\n`);
      }
      if (what !== 'done') continue;
      process.stderr.write(
        `\r${name}: ${count} of ${seeds} seeds, ${failed.length} failed, ${Math.round((performance.now() - began) / 1_000)} s `,
      );
      if (Number(count) === seeds) played += 1;
    }
  });
  child.stderr.on('data', (chunk) => (errors += chunk));
  process.once('SIGINT', () => child.kill('SIGINT'));
  child.once('close', (code) => {
    process.stderr.write('\n');
    if (code !== 0 && failed.length === 0) process.stderr.write(errors);
    process.stdout.write(`${JSON.stringify({ seeds, from, worlds: played, failed: failed.length })}\n`);
    process.exitCode = code === 0 && played > 0 && failed.length === 0 ? 0 : 1;
  });
}

const ask = asked();
if (ask === null) process.exitCode = 2;
else run(ask);
