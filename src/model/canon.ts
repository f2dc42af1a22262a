import { fail, ok, type Result } from './problem.ts';

/** protocol.md section 2: nothing that travels or is hashed nests deeper. A scalar has depth 0, {} and [] have depth 1. */
export const depthMax = 16;

/** What canonical JSON can hold: plain objects, arrays, well-formed text, booleans, null and safe integers. */
export type Canonical = string | number | boolean | null | readonly Canonical[] | { readonly [name: string]: Canonical };

/**
 * The one text of a value (RFC 8785, restricted by protocol.md section 2): no white space, names in UTF-16 order, numbers safe integers.
 * Errors: throws NotCanonical for a fraction, an unsafe integer, -0, a lone surrogate, a name `__proto__`, depth over 16, and for anything
 * that is not JSON (undefined, bigint, Map, Date, holes). A value of ours that fails is a bug; use `tryCanon` for values of others.
 */
export function canon(value: unknown): string {
  return write(value, []);
}

/** As `canon`; a value that has no canonical text is an expected failure (code E-CANON). */
export function tryCanon(value: unknown, at: string): Result<string> {
  try {
    return ok(canon(value));
  } catch (error) {
    if (!(error instanceof NotCanonical)) throw error;
    return fail({ code: 'E-CANON', what: error.message, at, todo: 'send plain JSON whose numbers are safe integers' });
  }
}

export class NotCanonical extends Error {}

const loneSurrogate = /\p{Surrogate}/u;

/** Whether text can be written as UTF-8 without loss. */
export const isWellFormed = (text: string): boolean => !loneSurrogate.test(text);

/** Where we are, for the message of a failure only. */
type Trail = string[];

function write(value: unknown, trail: Trail): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return writeText(value, trail);
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || Object.is(value, -0))
      throw refused(trail, `is ${Object.is(value, -0) ? '-0' : value}, not a safe integer`);
    return String(value);
  }
  if (typeof value !== 'object') throw refused(trail, `is a ${typeof value}, which JSON cannot hold`);
  if (trail.length >= depthMax) throw refused(trail, `nests deeper than ${depthMax}`);
  return Array.isArray(value) ? writeArray(value, trail) : writeObject(value, trail);
}

function writeArray(value: readonly unknown[], trail: Trail): string {
  const items: string[] = [];
  // An index, not an iterator: a hole must be met as undefined.
  for (let i = 0; i < value.length; i++) {
    trail.push(`[${i}]`);
    items.push(write(value[i], trail));
    trail.pop();
  }
  return `[${items.join(',')}]`;
}

function writeObject(value: object, trail: Trail): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw refused(trail, 'is not a plain object');
  const members: string[] = [];
  for (const [name, member] of Object.entries(value).sort(byName)) {
    if (name === '__proto__') throw refused(trail, 'has a member __proto__');
    trail.push(name);
    members.push(`${writeText(name, trail)}:${write(member, trail)}`);
    trail.pop();
  }
  return `{${members.join(',')}}`;
}

/** JavaScript's own order of texts is RFC 8785's: by UTF-16 unit. */
const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);

function writeText(text: string, trail: Trail): string {
  if (!isWellFormed(text)) throw refused(trail, 'holds a lone surrogate');
  return JSON.stringify(text);
}

const refused = (trail: Trail, why: string): NotCanonical => new NotCanonical(`${['$', ...trail].join('.')} ${why}`);
