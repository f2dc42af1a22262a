/**
 * Checks of parsed JSON against a shape. A check answers null, or what is wrong and where ("ops.3.entry.stage: unknown stage 'x'"). What
 * passed is used as it is: nothing is converted, so the bytes that were hashed and signed are the ones that are used.
 */
export type Check = (value: unknown, at: string) => string | null;

/** An object that has these fields; others are ignored (protocol.md section 10). */
export const record =
  (fields: Readonly<Record<string, Check>>): Check =>
  (value, at) => {
    if (!isObject(value)) return `${at}: expected an object`;
    for (const [name, check] of Object.entries(fields)) {
      // Own fields only: `constructor` and its like are on every object.
      if (!Object.hasOwn(value, name)) return `${below(at, name)}: missing`;
      const wrong = check(value[name], below(at, name));
      if (wrong !== null) return wrong;
    }
    return null;
  };

export const list =
  (of: Check, max: number): Check =>
  (value, at) => {
    if (!Array.isArray(value)) return `${at}: expected a list`;
    if (value.length > max) return `${at}: ${value.length} elements, at most ${max} may be`;
    for (const [i, item] of value.entries()) {
      const wrong = of(item, below(at, String(i)));
      if (wrong !== null) return wrong;
    }
    return null;
  };

/** An object whose names are free and whose values are all alike. */
export const named =
  (of: Check, max: number): Check =>
  (value, at) => {
    if (!isObject(value)) return `${at}: expected an object`;
    const entries = Object.entries(value);
    if (entries.length > max) return `${at}: ${entries.length} names, at most ${max} may be`;
    for (const [name, item] of entries) {
      const wrong = of(item, below(at, shown(name)));
      if (wrong !== null) return wrong;
    }
    return null;
  };

/** One of several shapes, told apart by the text in one field; a text that is not among them is named. */
export const tagged =
  (field: string, what: string, shapes: ReadonlyMap<string, Check>): Check =>
  (value, at) => {
    if (!isObject(value)) return `${at}: expected an object`;
    const tag = Object.hasOwn(value, field) ? value[field] : undefined;
    if (typeof tag !== 'string') return `${below(at, field)}: missing`;
    const shape = shapes.get(tag);
    return shape === undefined ? `${below(at, field)}: unknown ${what} '${shown(tag)}'` : shape(value, at);
  };

export const integer =
  (min: number, max: number): Check =>
  (value, at) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max
      ? null
      : `${at}: expected an integer from ${min} to ${max}`;

export const text =
  (max: number, pattern?: RegExp): Check =>
  (value, at) =>
    typeof value === 'string' && value.length <= max && (pattern?.test(value) ?? true)
      ? null
      : `${at}: expected a text of at most ${max} characters${pattern === undefined ? '' : ` like ${pattern.source}`}`;

/** A closed set of words; another one is named in the answer. */
export const word =
  (what: string, words: readonly string[]): Check =>
  (value, at) =>
    typeof value !== 'string' ? `${at}: expected a text` : words.includes(value) ? null : `${at}: unknown ${what} '${shown(value)}'`;

export const flag: Check = (value, at) => (typeof value === 'boolean' ? null : `${at}: expected true or false`);

export const orNull =
  (of: Check): Check =>
  (value, at) =>
    value === null ? null : of(value, at);

/** What must be as said where it is there: a field that an older sender does not know. */
export const optional =
  (name: string, of: Check): Check =>
  (value, at) =>
    isObject(value) && Object.hasOwn(value, name) ? of(value[name], below(at, name)) : null;

/** Both, in this order. */
export const also =
  (first: Check, second: Check): Check =>
  (value, at) =>
    first(value, at) ?? second(value, at);

export const safe = integer(0, Number.MAX_SAFE_INTEGER);
export const hash64 = text(64, /^[0-9a-f]{64}$/);

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A text from outside inside a message of ours: short and on one line. */
export const shown = (value: string): string => value.slice(0, 64).replace(/[^\x20-\x7e]/g, '?');

const below = (at: string, name: string): string => (at === '' ? name : `${at}.${name}`);
