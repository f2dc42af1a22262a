import { textCharsMax } from '../core/limits.ts';
import type { Input } from '../core/hold/types.ts';
import type { Grant } from '../core/publish/messages.ts';
import { announced } from '../core/publish/shapes.ts';
import { emptyInventory } from '../model/inventory.ts';
import type { Inventory } from '../model/inventory.ts';
import { fail, ok } from '../model/problem.ts';
import type { Problem, Result } from '../model/problem.ts';
import type { Table } from '../model/table.ts';
import type { Source } from '../ports/source.ts';
import type { Target } from '../ports/target.ts';
import type { AdapterOptions } from './adapter.ts';

/** What a connector opened: the enforcement point, what it reports, and where it listens. */
export type Device = { readonly target: Target; readonly source: Source | null; readonly address: string };

/** Errors: E-CONNECTOR when it does not open, E-TARGET when it offers no target. */
export async function openDevice({ connector, target, settings, inventory, clock, random, say }: AdapterOptions): Promise<Result<Device>> {
  try {
    const point = await connector.open?.({ target, settings, inventory: inventory ?? emptyInventory, clock, random, say });
    if (point?.target === undefined) return fail(targetProblem(`the connector ${connector.name} offers no target`, target));
    return ok({ target: point.target, source: point.source ?? null, address: point.address });
  } catch (error) {
    return fail(openProblem({ connector, target }, error));
  }
}

export const openProblem = ({ connector, target }: Pick<AdapterOptions, 'connector' | 'target'>, error: unknown): Problem => ({
  code: 'E-CONNECTOR',
  what: `the connector ${connector.name} did not open: ${error instanceof Error ? error.message : String(error)}`,
  at: target,
  todo: 'see its settings with `flyball connector`',
});

/** Gives the device a table; a device that throws has refused it. */
export async function apply(device: Target, table: Table, inventory: Inventory): Promise<Input> {
  try {
    const applied = await device.apply(table, inventory);
    if (applied.result === 'superseded') return { kind: 'applied', rejected: null, superseded: true };
    return { kind: 'applied', rejected: applied.result === 'accepted' ? null : applied.entries };
  } catch (error) {
    // Which entry it was, the device has not said; that nothing changed is its promise.
    const text = `the device failed: ${error instanceof Error ? error.message : String(error)}`.slice(0, textCharsMax);
    const first = table[0];
    return { kind: 'applied', rejected: first === undefined ? [] : [{ id: first.id, code: 'E-DEVICE', text }] };
  }
}

/** Gives a shared device our grant, and reads back what it forwards by: whatever the file says, that is so. */
export async function takeMastership(device: Target, { epoch, n }: Grant): Promise<Input> {
  try {
    const answer = await (device.shared?.takeMastership({ epoch, n }) ?? Promise.resolve('taken' as const));
    return { kind: 'mastered', answer, table: answer === 'taken' ? await device.readback() : null };
  } catch {
    // Asked again soon; what it was, the adapter reports.
    return { kind: 'mastered', answer: 'failed', table: null };
  }
}

/** An announce that its own reader refuses would be sent for ever, and never answered. */
export function announceProblem(name: string, { target, address }: Device): Problem | null {
  const { kind, capabilities, sees } = target;
  const what = announced({ kind, capabilities, sees, address }, '');
  const todo = 'the connector announces what the protocol cannot say: correct its capabilities';
  return what === null ? null : { code: 'E-MESSAGE', what, at: name, todo };
}

export const targetProblem = (what: string, at: string): Problem => ({
  code: 'E-TARGET',
  what,
  at,
  todo: 'name the target with --target and choose a connector that `flyball connector` lists as one',
});
