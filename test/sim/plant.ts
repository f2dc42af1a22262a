import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Code } from './world.ts';

export type Bug = { readonly name: string; readonly file: string; readonly find: string; readonly replace: string };

/**
 * The protocol's code with one piece of text replaced, loaded beside the real one. Throws when the text is not there exactly once: then
 * the code has moved on and the bug must be planted anew.
 */
export async function plant({ name, file, find, replace }: Bug): Promise<Code> {
  const root = mkdtempSync(join(tmpdir(), 'flyball-planted-'));
  try {
    for (const part of ['src/model', 'src/core/hold', 'src/core/publish', 'src/core/limits.ts']) {
      cpSync(part, join(root, part), { recursive: true, filter: (from) => !from.endsWith('.test.ts') });
    }
    const path = join(root, file);
    const text = readFileSync(path, 'utf8');
    if (text.split(find).length !== 2)
      throw new Error(`${name}: the text to replace stands ${text.split(find).length - 1} times in ${file}`);
    writeFileSync(
      path,
      text.replace(find, () => replace),
    );
    const load = (module: string): Promise<unknown> => import(/* @vite-ignore */ pathToFileURL(join(root, module)).href);
    const hold = (await load('src/core/hold/hold.ts')) as { readonly createHold: Code['createHold']; readonly step: Code['holdStep'] };
    const lead = (await load('src/core/publish/lead.ts')) as { readonly createLead: Code['createLead']; readonly step: Code['leadStep'] };
    const lease = (await load('src/core/publish/lease.ts')) as {
      readonly createLease: Code['createLease'];
      readonly step: Code['leaseStep'];
    };
    return {
      createHold: hold.createHold,
      holdStep: hold.step,
      createLead: lead.createLead,
      leadStep: lead.step,
      createLease: lease.createLease,
      leaseStep: lease.step,
    };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
