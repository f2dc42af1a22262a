import { compileRule } from '../../src/core/rule/compile.ts';
import { readRule } from '../../src/core/rule/read.ts';
import type { CompiledRule } from '../../src/core/rule/types.ts';

/** A rule from its text; `why`, `owner` and `then` are added where they lack, so that a test says only what it is about. */
export function compiled(text: string, revision = 1): CompiledRule {
  const lacking = ['why: a test', 'owner: tests', 'then: []'].filter((line) => !new RegExp(`^${line.split(':')[0]}:`, 'm').test(text));
  const whole = [text.trimEnd(), ...lacking, ''].join('\n');
  const file = `rules/${/^rule: *(\S+)/m.exec(whole)?.[1] ?? ''}/rule.yaml`;
  const rule = readRule(whole, file);
  if (!rule.ok) throw new Error(`${JSON.stringify(rule.problem)}\n${whole}`);
  const made = compileRule(rule.value, revision, file);
  if (!made.ok) throw new Error(`${JSON.stringify(made.problem)}\n${whole}`);
  return made.value;
}
