import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { checkRuleText, type CheckedText } from '../core/rule/checktext.ts';
import { expandTemplate, templateNamed } from '../core/rule/template.ts';
import type { Problem } from '../model/problem.ts';
import { UsageError } from './command.ts';

/** A rule file as it is saved: with its template's fields in it. */
export type RuleText = { readonly file: string; readonly text: string; readonly checked: CheckedText };

/** Reads and checks a rule file; a template is `NAME/template.yaml` beside the rule's own folder. Problems stand at the file that they are in. */
export function readRuleFile(file: string, revision = 0): RuleText {
  const text = readFileSync(file, 'utf8');
  const name = templateNamed({ file, text });
  if (name === null) return { file, text, checked: checkRuleText(text, file, revision) };
  const path = join(dirname(dirname(file)), name, 'template.yaml');
  const missing: Problem = { code: 'E-RULE-TEMPLATE', what: `no template ${name}`, at: `${file}:1:1`, todo: `write it as ${path}` };
  if (!existsSync(path)) return { file, text, checked: { compiled: null, problems: [missing] } };
  const expanded = expandTemplate({ file, text }, { file: path, text: readFileSync(path, 'utf8') });
  if (!expanded.ok) return { file, text, checked: { compiled: null, problems: expanded.problem } };
  const { compiled, problems } = checkRuleText(expanded.value.text, file, revision);
  return { file, text: expanded.value.text, checked: { compiled, problems: problems.map(expanded.value.origin) } };
}

/** A rule's file is `rule.yaml` in a folder named as the rule; a folder of such folders stands for all of them. In order of path. */
export function ruleFilesOf(paths: readonly string[]): readonly string[] {
  const files = paths.flatMap((path) => {
    if (!existsSync(path)) throw new UsageError(`no file or folder ${JSON.stringify(path)}`);
    if (!statSync(path).isDirectory()) return [path];
    const own = join(path, 'rule.yaml');
    if (existsSync(own)) return [own];
    const inside = readdirSync(path).map((name) => join(path, name, 'rule.yaml')).filter(existsSync); // prettier-ignore
    if (inside.length === 0) throw new UsageError(`no rule.yaml in ${JSON.stringify(path)} nor in its folders`);
    return inside;
  });
  return [...new Set(files)].toSorted();
}
