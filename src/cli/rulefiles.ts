import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from './command.ts';

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
