import { test } from 'vitest';
import { simulateRich } from './rich.ts';
import { realCode } from './world.ts';
test('x', { timeout: 600_000 }, () => {
  const [a, b] = (process.env['R'] ?? '1-100').split('-').map(Number) as [number, number];
  const by = new Map<string, string[]>();
  let n = 0;
  const t = performance.now();
  for (let s = a; s <= b; s++) {
    const o = simulateRich(s, realCode);
    if (o.violation) {
      n++;
      const k = o.violation.replace(/\d+/g, 'N');
      by.set(k, [...(by.get(k) ?? []), `${s}: ${o.violation}`]);
    }
  }
  process.stderr.write(`${n} of ${b - a + 1} in ${Math.round(performance.now() - t)} ms\n`);
  for (const [, v] of by) process.stderr.write(`${v.length} ${v.slice(0, 3).join(' | ').slice(0, 500)}\n`);
});
