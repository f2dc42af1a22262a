import type { Frame, Step } from './plan.ts';
import type { Dyn } from './value.ts';

/** What a macro does with each element; `slot` is the place of its variable. */
export type LoopParts = { readonly condition: Step | null; readonly value: Step | null; readonly slot: number };

/** A macro over a list, or the keys of a map, with the errors of its elements as compile/macros.ts has them; null: no macro of that name. */
export function loopOver(name: string, range: Step, parts: LoopParts): Step | null {
  const body = bodies.get(name);
  if (body === undefined) return null;
  return (frame) => {
    const elements = elementsOf(range(frame));
    if (elements === undefined) return undefined;
    const at = (element: Dyn): void => {
      frame.locals[parts.slot] = element;
    };
    return body({ elements, at, frame, parts });
  };
}

function elementsOf(of: Dyn | undefined): readonly Dyn[] | undefined {
  if (of === undefined || of === null || typeof of !== 'object' || of instanceof Uint8Array) return undefined;
  if (!('kind' in of)) return of;
  return of.kind === 'map' ? [...of.value.values()].map(([key]) => key) : undefined;
}

type Loop = { readonly elements: readonly Dyn[]; readonly at: (element: Dyn) => void; readonly frame: Frame; readonly parts: LoopParts };
type Body = (loop: Loop) => Dyn | undefined;

const absorbing =
  (decides: boolean): Body =>
  ({ elements, at, frame, parts }) => {
    let failed = false;
    for (const element of elements) {
      at(element);
      const is = parts.condition?.(frame);
      if (is === decides) return decides;
      failed ||= is !== !decides;
    }
    return failed ? undefined : !decides;
  };

const counting: Body = ({ elements, at, frame, parts }) => {
  let n = 0;
  for (const element of elements) {
    at(element);
    const is = parts.condition?.(frame);
    if (typeof is !== 'boolean') return undefined;
    if (is) n++;
  }
  return n === 1;
};

const collecting: Body = ({ elements, at, frame, parts }) => {
  const out: Dyn[] = [];
  for (const element of elements) {
    at(element);
    const is = parts.condition === null ? true : parts.condition(frame);
    if (typeof is !== 'boolean') return undefined;
    if (!is) continue;
    const value = parts.value?.(frame);
    if (value === undefined) return undefined;
    out.push(value);
  }
  return out;
};

const bodies: ReadonlyMap<string, Body> = new Map([
  ['all', absorbing(false)],
  ['exists', absorbing(true)],
  ['exists_one', counting],
  ['map', collecting],
  ['filter', collecting],
]);
