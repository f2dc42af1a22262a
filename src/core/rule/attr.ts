import { attributeAt, attributes } from '../../model/schema.ts';
import type { Attribute } from '../../model/schema.ts';
import { parse } from '../cel/parse.ts';
import { constantString, dottedName } from '../cel/tree.ts';

/** An ATTR: an attribute, or one entry of a map attribute. */
export type AttributeRef = {
  /** As written everywhere: `destination.instance`, `request.headers["x-tenant"]`. */
  readonly name: string;
  readonly attribute: Attribute;
};

/** Reads an ATTR in any spelling of CEL (`request.headers.x`, `['x']`); null when the text is something else. */
export function readAttribute(text: string): AttributeRef | null {
  const parsed = parse(text);
  if (!parsed.ok) return null;
  const { expr } = parsed.value;
  const { exprKind } = expr;
  const path = dottedName(expr);
  const plain = path === null ? undefined : attributeAt(path);
  if (path !== null && plain !== undefined) return { name: path, attribute: plain };
  const selected = exprKind.case === 'selectExpr' && !exprKind.value.testOnly ? exprKind.value : undefined;
  const indexed = exprKind.case === 'callExpr' && exprKind.value.function === '_[_]' ? exprKind.value.args : undefined;
  const of = selected?.operand ?? indexed?.[0];
  const entry = selected?.field ?? constantString(indexed?.[1]);
  const map = of === undefined ? undefined : attributeAt(dottedName(of) ?? '');
  return map?.type === 'map(string, string)' && entry !== null && entry !== undefined
    ? { name: entryName(map.path, entry), attribute: map }
    : null;
}

/** The one way to write a map's entry. */
export const entryName = (map: string, entry: string): string => `${map}[${JSON.stringify(entry)}]`;

/** Every attribute path, to suggest from. */
export const attributePaths: readonly string[] = attributes.map(({ path }) => path);
