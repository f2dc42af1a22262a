import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { openHome } from '../../src/runtime/home.ts';
import type { Home } from '../../src/runtime/home.ts';

/** A seeded generator (mulberry32): the same seed, the same test. */
export function seeded(seed: number): {
  readonly below: (n: number) => number;
  readonly pick: <T>(list: readonly T[]) => T;
  readonly bytes: (n: number) => Uint8Array;
} {
  let a = seed >>> 0;
  const next = (): number => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = a;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  const below = (n: number): number => next() % n;
  return {
    below,
    pick: (list) => {
      const one = list[below(list.length)];
      if (one === undefined) throw new Error('picked from nothing');
      return one;
    },
    bytes: (n) => Uint8Array.from({ length: n }, () => next() & 255),
  };
}

/** Waits for a condition; fails with `what` after `ms`. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, ms = 10_000): Promise<void> {
  const end = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`after ${ms} ms still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export type TestHome = { readonly home: Home; readonly said: string[]; readonly say: (line: string) => void; readonly remove: () => void };

/** A FLYBALL_HOME of its own below the temporary folder. */
export function testHome(): TestHome {
  const root = mkdtempSync(join(tmpdir(), 'flyball-home-'));
  const said: string[] = [];
  const say = (line: string): void => void said.push(line);
  const home = openHome({ env: { FLYBALL_HOME: root }, cwd: '/', say });
  if (!home.ok) throw new Error(home.problem.what);
  return { home: home.value, said, say, remove: () => rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }) };
}

/** A part that this machine cannot have: skipped with the reason, but on CI that is a failure. */
export function cannot(context: TestContext, reason: string): void {
  if (process.env['CI'] === 'true') throw new Error(`on CI this must run: ${reason}`);
  context.skip(reason);
}

export function unwrap<T>(
  result:
    { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: { readonly code: string; readonly what: string } },
): T {
  if (!result.ok) throw new Error(`${result.problem.code}: ${result.problem.what}`);
  return result.value;
}
