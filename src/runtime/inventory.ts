import { readFileSync, statSync } from 'node:fs';
import { fail, ok, type Result } from '../model/problem.ts';
import { readInventory, type Inventory } from '../model/inventory.ts';
import type { Clock } from '../ports/clock.ts';
import { fileProblem } from './files.ts';

const lookEveryMs = 500;

/** The inventory of a file (JSON, see model/inventory.ts). Errors: E-FILE, E-INVENTORY. */
export function loadInventory(path: string): Result<Inventory> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return fail(fileProblem('cannot read the inventory', path, error));
  }
  const inventory = readInventory(text);
  return typeof inventory === 'string'
    ? fail({
        code: 'E-INVENTORY',
        what: inventory,
        at: path,
        todo: 'write {"instances": [{"service", "instance", "address", "port", "ready"}]}',
      })
    : ok(inventory);
}

/** Calls back when the file changed to another inventory; a file that is gone or wrong is said once and changes nothing. Returns the end of it. */
export function watchInventory(
  path: string,
  clock: Clock,
  on: { readonly change: (inventory: Inventory) => void; readonly say: (line: string) => void },
): () => void {
  let seen = stampOf(path);
  return clock.each(lookEveryMs, () => {
    const stamp = stampOf(path);
    if (stamp === seen) return;
    seen = stamp;
    const loaded = loadInventory(path);
    if (loaded.ok) on.change(loaded.value);
    else on.say(`${loaded.problem.what}: the inventory stays as it was`);
  });
}

/** Changes whenever the file is written. */
function stampOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? 'none' : `${stat.mtimeMs} ${stat.size} ${stat.ino}`;
}
