import { NotPortable, toRegExp } from '../../../model/regex.ts';
import { RE2JS } from '@bufbuild/re2';
import { bool, cidr, double, duration, int, ip, string, timestamp } from '../kinds.ts';
import type { CelType } from '../types.ts';
import { literal, strict } from './code.ts';
import type { Code, Range, Scope } from './code.ts';

/** How a call is written in JavaScript. `sure`: it has a value for all arguments. */
export type Form = { readonly type: CelType; readonly js: (...args: string[]) => string; readonly sure?: boolean; readonly range?: Range };

const sure = (type: CelType, js: Form['js'], range?: Range): Form => ({ type, js, sure: true, ...(range === undefined ? {} : { range }) });
const unsure = (type: CelType, js: Form['js']): Form => ({ type, js });
const length: Range = [0, 2 ** 32];

/** By name and types of the arguments, the receiver first: whether it was called as x.f(y) or f(x, y) makes no difference. */
const forms: ReadonlyMap<string, Form> = new Map<string, Form>([
  ['size(string)', sure(int, (x) => `rt.size(${x})`, length)],
  ['size(list)', sure(int, (x) => `${x}.length`, length)],
  ['size(map)', sure(int, (x) => `${x}.size`, length)],
  ['contains(string, string)', sure(bool, (x, y) => `${x}.includes(${y})`)],
  ['startsWith(string, string)', sure(bool, (x, y) => `${x}.startsWith(${y})`)],
  ['endsWith(string, string)', sure(bool, (x, y) => `${x}.endsWith(${y})`)],
  ['int(int)', sure(int, (x = '') => x)],
  ['int(double)', unsure(int, (x) => `rt.truncate(${x})`)],
  ['int(string)', unsure(int, (x) => `rt.number(lib.intFrom(${x}))`)],
  ['int(timestamp)', sure(int, (x) => `Number(lib.floorDivide(${x}, 1000000000n))`)],
  ['double(double)', sure(double, (x = '') => x)],
  ['double(int)', sure(double, (x = '') => x)],
  ['double(string)', unsure(double, (x) => `lib.doubleFrom(${x})`)],
  ...['string', 'ip', 'cidr'].map((kind): [string, Form] => [`string(${kind})`, sure(string, (x = '') => x)]),
  ...['int', 'double', 'bool'].map((kind): [string, Form] => [`string(${kind})`, sure(string, (x) => `String(${x})`)]),
  ['string(timestamp)', sure(string, (x) => `lib.formatTime(${x})`)],
  ['string(duration)', sure(string, (x) => `lib.durationText(${x})`)],
  ['timestamp(timestamp)', sure(timestamp, (x = '') => x)],
  ['timestamp(string)', unsure(timestamp, (x) => `lib.timeFrom(${x})`)],
  ['timestamp(int)', unsure(timestamp, (x) => `lib.timeFromSeconds(BigInt(${x}))`)],
  ['duration(duration)', sure(duration, (x = '') => x)],
  ['duration(string)', unsure(duration, (x) => `lib.durationFrom(${x})`)],
  ['bool(bool)', sure(bool, (x = '') => x)],
  ['bool(string)', unsure(bool, (x) => `lib.boolFrom(${x})`)],
  ['getHours(duration)', sure(int, (x) => `Number(${x} / 3600000000000n)`)],
  ['getMinutes(duration)', sure(int, (x) => `Number(${x} / 60000000000n)`)],
  ['getSeconds(duration)', sure(int, (x) => `Number(${x} / 1000000000n)`)],
  ['getMilliseconds(duration)', sure(int, (x) => `Number(${x} % 1000000000n / 1000000n)`)],
  ['d(string)', unsure(duration, (x) => `lib.quantity(${x})`)],
  ['ip(string)', unsure(ip, (x) => `lib.ip(${x})`)],
  ['cidr(string)', unsure(cidr, (x) => `lib.cidr(${x})`)],
  ...['ip', 'string'].map((kind): [string, Form] => [
    `containsIP(cidr, ${kind})`,
    unsure(bool, (x, y) => `lib.containsAddress(${x}, ${y})`),
  ]),
  ...['cidr', 'string'].map((kind): [string, Form] => [
    `containsCIDR(cidr, ${kind})`,
    unsure(bool, (x, y) => `lib.containsPrefix(${x}, ${y})`),
  ]),
  ['subnet(string, int, int)', unsure(string, (x, y, z) => `lib.subnet(${x}, ${y}, ${z})`)],
  ...[int, double, duration].map((type): [string, Form] => [
    `clamp(${type.kind}, ${type.kind}, ${type.kind})`,
    sure(type, (x, y, z) => `rt.clamp(${x}, ${y}, ${z})`),
  ]),
]);

/** The form for these types of arguments, as "size(string)". */
export const formOf = (overload: string): Form | undefined => forms.get(overload);

/** Code for a call whose overload the checker has accepted; null: there is none. */
export function call(scope: Scope, name: string, args: readonly Code[]): Code | null {
  if (name === 'matches') return matches(scope, args);
  const kinds = args.map(({ type }) => type.kind).join(', ');
  if (/^get[A-Z]/.test(name) && args[0]?.type.kind === 'timestamp') return field(scope, name, args);
  const form = forms.get(`${name}(${kinds})`);
  if (form === undefined) return null;
  const { type, js, sure: has = false, range } = form;
  const isClamp = name === 'clamp' || args.every((arg) => arg.type.kind !== 'int');
  const result = { type, fails: !has, range: range ?? (isClamp ? null : (args[0]?.range ?? null)) };
  return folded(scope, args, (given) => strict(scope, given, js, result));
}

/** d("250ms") of a literal is a value, made once. */
function folded(scope: Scope, args: readonly Code[], write: (args: readonly Code[]) => Code): Code {
  const isLiteral = args.length > 0 && args.every(({ constant }) => constant !== undefined);
  const code = write(args);
  if (!isLiteral || !['duration', 'timestamp', 'ip', 'cidr'].includes(code.type.kind)) return code;
  const value = scope.run(write(args.map((arg) => ({ ...arg, js: literal(arg.constant ?? false) }))).js);
  if (typeof value !== 'bigint' && typeof value !== 'string') return { ...code, js: 'undefined', fails: true };
  const js = scope.shares
    ? scope.constant(value)
    : typeof value === 'string'
      ? JSON.stringify(value)
      : value < 0n
        ? `(${value}n)`
        : `${value}n`;
  return { ...code, js, fails: false };
}

function field(scope: Scope, name: string, args: readonly Code[]): Code {
  const zone = args[1]?.constant;
  const sureZone = args.length === 1 || typeof zone === 'string';
  const read = (x: string, z = '"UTC"'): string => `lib.calendar("${name}", ${x}, ${z})`;
  return strict(scope, args, (x = '', z) => (sureZone ? read(x, z) : `rt.attempt(() => ${read(x, z)})`), { type: int, fails: !sureZone });
}

/** The pattern is a constant that RE2 has accepted. V8 runs it where it reads it as RE2 does, else RE2 itself. */
function matches(scope: Scope, [text, pattern]: readonly Code[]): Code | null {
  if (text === undefined || typeof pattern?.constant !== 'string') return null;
  const compiled = scope.constant(patternOf(pattern.constant));
  return strict(scope, [text], (x) => `${compiled}.test(${x})`, { type: bool });
}

function patternOf(pattern: string): { readonly test: (text: string) => boolean } {
  try {
    return toRegExp(pattern);
  } catch (error) {
    if (!(error instanceof NotPortable)) throw error;
    return RE2JS.compile(pattern);
  }
}
