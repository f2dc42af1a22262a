import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'vite';

const root = join(import.meta.dirname, '..', '..');

export type Program = { readonly file: string; readonly remove: () => void };

/**
 * Makes a program of its own from TypeScript, for tests that kill processes: Node 20 does not run TypeScript. `source` may import from
 * '#root/src/…'. It lies below node_modules/, where packages are found.
 */
export async function program(source: string): Promise<Program> {
  const base = join(root, 'node_modules', '.flyball-test');
  mkdirSync(base, { recursive: true });
  const folder = mkdtempSync(join(base, 'p-'));
  const entry = join(folder, 'main.ts');
  writeFileSync(entry, source.replaceAll('#root', root));
  await build({
    root: folder,
    configFile: false,
    logLevel: 'error',
    build: {
      ssr: entry,
      outDir: folder,
      emptyOutDir: false,
      minify: false,
      rollupOptions: { output: { entryFileNames: 'main.mjs', format: 'es' } },
    },
  });
  return { file: join(folder, 'main.mjs'), remove: () => rmSync(folder, { recursive: true, force: true }) };
}
