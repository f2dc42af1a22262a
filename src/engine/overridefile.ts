import { list } from '../core/publish/check.ts';
import { override } from '../core/publish/shapes.ts';
import type { Override } from '../model/override.ts';
import { readIfThere, writeAtomic } from '../runtime/files.ts';
import type { Pending } from './overrides.ts';

const pendingMax = 10_000;
const shape = list(override, pendingMax);

/** Overrides that the database does not have yet, in a file of the engine's. One that cannot be read is said, and begun anew. */
export const overrideFile = (path: string, say: (line: string) => void): Pending => ({
  read: () => {
    const text = readIfThere(path);
    if (text === null) return [];
    const value = parsed(text);
    const wrong = shape(value, 'overrides');
    if (wrong === null) return value as readonly Override[];
    say(`${path}: ${wrong}; overrides set while the database was away are lost here, the adapters still have them`);
    return [];
  },
  write: (overrides) => writeAtomic(path, `${JSON.stringify(overrides)}\n`),
});

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
