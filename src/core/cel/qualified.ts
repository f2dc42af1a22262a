import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import type { Declared } from './declare.ts';
import { typeOfTypes } from './kinds.ts';
import { dottedName } from './tree.ts';
import type { CelType } from './types.ts';
import { variableNamed } from './walk.ts';
import type { Walk } from './walk.ts';

/** What a dotted name means: a variable by its whole path, or a type as a value. */
export type Meaning = { readonly kind: 'variable'; readonly path: string } | { readonly kind: 'type'; readonly name: string };

/** Looks a name up in the container, then in what is around it, then at the root; a leading dot is the root (CEL specification, name resolution). */
export function meaningOf(name: string, { variables, container }: Declared): Meaning | null {
  const plain = name.replace(/^\./, '');
  const around = name.startsWith('.') || container === '' ? [] : container.split('.');
  for (let n = around.length; n >= 0; n--) {
    const path = [...around.slice(0, n), plain].join('.');
    if (variables.has(path)) return { kind: 'variable', path };
    if (typeNames.has(path)) return { kind: 'type', name: path };
  }
  return null;
}

/** The type of a name that the `declared` dialect resolves as a whole; null: it is none, and its parts are looked at. */
export function qualifiedType(expr: Expr, walk: Walk): CelType | null {
  const { declared } = walk.env;
  const name = dottedName(expr);
  if (name === null || declared === undefined || hides(name, walk)) return null;
  const meaning = meaningOf(name, declared);
  if (meaning?.kind === 'type') return typeOfTypes;
  return meaning === null || isStaticallyNamed(declared) ? null : (declared.variables.get(meaning.path) ?? null);
}

/** Whether names mean what their parts say: no container, and no variable whose name begins another's. */
export const isStaticallyNamed = ({ variables, container }: Declared): boolean =>
  container === '' && ![...variables.keys()].some((path) => [...variables.keys()].some((other) => other.startsWith(`${path}.`)));

const hides = (name: string, walk: Walk): boolean => variableNamed(walk, name.split('.')[0] ?? '') !== undefined;

const typeNames: ReadonlySet<string> = new Set(
  'bool int uint double string bytes list map null_type type google.protobuf.Duration google.protobuf.Timestamp'.split(' '),
);
