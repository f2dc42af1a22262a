// `npm run bench -- NAME`: what runs how fast beside what, in one run. Prints a table and writes bench/NAME.json.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';

// As bin/flyball.js does, before any pattern is compiled.
setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');

const benches = ['cel', 'loop', 'latency', 'protocol'];
const [name = '', ...args] = process.argv.slice(2);
if (!benches.includes(name)) {
  process.stderr.write(`usage: npm run bench -- ${benches.join('|')}\n`);
  process.exitCode = 2;
} else {
  const { run, print = plainly } = await import(`../test/bench/${name}.js`);
  const { rows, ...summary } = await run(args);
  const folder = join(import.meta.dirname, '..', 'bench');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify({ node: process.version, ...summary, rows }, null, 2)}\n`);
  process.stdout.write(print({ rows, ...summary }));
}

function plainly({ rows, ...summary }) {
  const lines = rows.map(({ text, ...measured }) => `${text}\n  ${line(Object.values(measured)[0])}\n`);
  return [...lines, ...Object.entries(summary).map(([title, values]) => `${title}\n  ${line(values)}\n`)].join('');
}

function line(values) {
  return Object.entries(values)
    .map(([key, value]) => `${key} ${value === null ? '-' : value.toPrecision(3)}`)
    .join(' · ');
}
