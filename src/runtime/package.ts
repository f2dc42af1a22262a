import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folder of this package, from src/ as from dist/. */
export function packageRoot(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json')) && existsSync(join(folder, 'bin'))) return folder;
    if (dirname(folder) === folder) throw new Error(`flyball: no package folder above ${import.meta.dirname}`);
  }
}

/** As package.json says. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { readonly version: string };
  return version;
}

/** The command's own file: what a child process runs. */
export const commandFile = (): string => join(packageRoot(), 'bin', 'flyball.js');

/** A module of ours as built, e.g. "connectors/shop/service": processes run from dist/ whatever we run from. */
export const builtModule = (name: string): string => join(packageRoot(), 'dist', `${name}.js`);

/** The rules that come with the package. */
export const defaultRulesFolder = (): string => join(packageRoot(), 'rules');
