import { setFlagsFromString } from 'node:v8';
import { expect, test } from 'vitest';
import { check } from '../../src/core/cel/check.ts';
import { aggregateEnvironment, recordEnvironment } from '../../src/core/cel/declare.ts';
import { addRule, createJudge, finish, readLine } from '../../src/core/decide/judge.ts';
import { checkRule } from '../../src/core/rule/check.ts';
import { generator } from '../replay/seeded.ts';
import { hostileRecord, hostileRule, randomText } from './hostile.ts';

// As bin/flyball.js does: a pattern that backtracks without end is handed to V8's linear engine.
setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');

/** More by `npm run soak -- hostile`, which also says how long the slowest took. */
const rules = Number(process.env['FLYBALL_HOSTILE_RULES'] ?? 250);
const texts = Number(process.env['FLYBALL_HOSTILE_TEXTS'] ?? 20_000);
const recordsEach = 40;
const seed = Number(process.env['FLYBALL_SEED'] ?? 11);

/** What a rule could leave behind in the process. */
const hostNames = (): readonly unknown[] =>
  [globalThis, Object.prototype, Function.prototype, Array.prototype, Map.prototype, String.prototype].map((of) =>
    Object.getOwnPropertyNames(of),
  );

test('a hostile rule is refused with a reason, or judges', { timeout: 3_600_000 }, () => {
  const before = hostNames();
  const random = generator(seed);
  const accepted = new Map<string, number>();
  const refused = new Map<string, number>();
  const slowest = { ms: 0, what: '' };
  for (let i = 0; i < rules; i++) {
    const { kind, text } = hostileRule(random, i);
    const base = 1_767_225_600_000_000_000n;
    const lines = Array.from({ length: recordsEach }, (_, n) => hostileRecord(random, base + BigInt(n) * 20_000_000n));
    const began = performance.now();
    const checked = checkRule(text, { file: 'rules/r/rule.yaml', revision: 1 });
    const note = checked.ok ? accepted : refused;
    note.set(kind, (note.get(kind) ?? 0) + 1);
    if (!checked.ok) for (const { code, what } of checked.problem) expect([code.length > 0, what.length > 0]).toEqual([true, true]);
    let ms = performance.now() - began;
    if (checked.ok) {
      const judge = createJudge();
      addRule(judge, checked.value.compiled);
      for (const line of lines) {
        const start = performance.now();
        readLine(judge, line);
        ms = Math.max(ms, performance.now() - start);
      }
      finish(judge);
    }
    if (ms > slowest.ms) Object.assign(slowest, { ms, what: `${kind}: ${text.slice(0, 200)}` });
  }
  // Both happen, or nothing was tried.
  expect([accepted.size > 8, refused.size > 8]).toEqual([true, true]);
  expect(hostNames()).toEqual(before);
  if (process.env['FLYBALL_SEED'] !== undefined)
    process.stdout.write(`slowest rule or record ${slowest.ms.toFixed(1)} ms ${slowest.what}\n`);
});

test('any text is an expression or is refused with a place', { timeout: 3_600_000 }, () => {
  const random = generator(seed + 1);
  const environments = [
    recordEnvironment(['rpc']),
    aggregateEnvironment({ streams: ['rpc'], columns: [{ name: 'destination.service', type: { kind: 'string' } }], everyNs: 100_000_000n }),
  ];
  // The first class of Unicode that anyone names loads its tables, once.
  check('request.path.matches("\\\\pL")', recordEnvironment(['rpc']));
  const slowest = { ms: 0, what: '' };
  let sound = 0;
  for (let i = 0; i < texts; i++) {
    const text = randomText(random);
    const began = performance.now();
    const checked = check(text, random.pick(environments));
    const ms = performance.now() - began;
    if (ms > slowest.ms) Object.assign(slowest, { ms, what: text });
    if (checked.ok) sound++;
    else for (const { offset } of checked.problem) if (offset < 0 || offset > Array.from(text).length) expect({ text, offset }).toBeNull();
  }
  expect([sound > texts / 100, sound < texts / 2]).toEqual([true, true]);
  if (process.env['FLYBALL_SEED'] !== undefined) process.stdout.write(`slowest text ${slowest.ms.toFixed(1)} ms ${slowest.what}\n`);
});
