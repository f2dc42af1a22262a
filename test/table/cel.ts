import { celEnv, celFunc, celMethod, CelScalar, isCelError, parse, plan, type CelInput } from '@bufbuild/cel';
import type { Checked } from '../../src/core/cel/types.ts';
import type { Key } from '../../src/core/decide/types.ts';
import type { Facts } from '../../src/model/facts.ts';

/** A text as toMatches takes it, without the type checker: keys of these tests hold text and bigint, which need no types. */
export function checkedOf(text: string): Checked {
  const { expr, sourceInfo } = parse(text);
  if (expr === undefined) throw new Error(`nothing parsed: ${text}`);
  const positions = new Map(Object.entries(sourceInfo?.positions ?? {}).map(([id, at]) => [BigInt(id), at]));
  return { text, dialect: 'match', expr, type: { kind: 'bool' }, types: new Map(), positions, macros: new Map(), aggregates: [] };
}

/** CEL's own verdict of a text, by the library's evaluator: true, false, or null for an error. */
export function celVerdict(text: string): (facts: Facts, key: Key) => boolean | null {
  const run = plan(env, parse(text));
  return (facts, key) => {
    const result: unknown = run(bindingsOf(facts, key));
    return isCelError(result) || typeof result !== 'boolean' ? null : result;
  };
}

const { BOOL, INT, STRING } = CelScalar;

// An address as a list of bits, so that nothing is shared with src/model/address.ts.
function bitsOf(text: string): string {
  if (/^\d+(\.\d+){3}$/.test(text)) return text.split('.').map((part) => Number(part).toString(2).padStart(8, '0')).join(''); // prettier-ignore
  if (!/^[0-9a-f:]+$/.test(text) || !text.includes(':')) throw new Error(`not an address: ${text}`);
  const [head = '', tail] = text.split('::');
  const groups = (part: string): readonly string[] => (part === '' ? [] : part.split(':'));
  const zeros = tail === undefined ? 0 : 8 - groups(head).length - groups(tail).length;
  const all = [...groups(head), ...Array.from({ length: zeros }, () => '0'), ...groups(tail ?? '')];
  return all.map((group) => Number.parseInt(group, 16).toString(2).padStart(16, '0')).join('');
}

const env = celEnv({
  funcs: [
    celFunc('cidr', [STRING], STRING, (text) => text),
    celFunc('ip', [STRING], STRING, (text) => bitsOf(text)),
    celMethod('containsIP', STRING, [STRING], BOOL, function (this: string, text) {
      const [network = '', length = ''] = this.split('/');
      const [a, b] = [bitsOf(network), /^[01]{32,}$/.test(text) ? text : bitsOf(text)];
      return a.length === b.length && a.slice(0, Number(length)) === b.slice(0, Number(length));
    }),
    // These tests use subnet() on IPv4 with whole bytes only.
    celFunc('subnet', [STRING, INT, INT], STRING, (text, v4) => {
      if (bitsOf(text).length !== 32) return `${text}/other`;
      const bytes = text.split('.').map((byte, i) => (i < Number(v4) / 8 ? byte : '0'));
      return `${bytes.join('.')}/${v4}`;
    }),
  ],
});

function bindingsOf({ source, destination, request = {}, flow = {} }: Facts, key: Key): { [name: string]: CelInput } {
  const nested = new Map<string, CelInput>();
  for (const [name, value] of key) if (typeof value === 'string' || typeof value === 'bigint') put(nested, name.split('.'), value);
  return { source: mapOf(source), destination: mapOf(destination), request: mapOf(request), flow: mapOf(flow), key: nested };
}

function mapOf(fields: Readonly<Record<string, unknown>>): ReadonlyMap<string, CelInput> {
  return new Map(
    Object.entries(fields).flatMap(([name, value]): [string, CelInput][] => {
      if (typeof value === 'number') return [[name, BigInt(value)]];
      if (typeof value === 'string') return [[name, value]];
      if (value instanceof Map) return [[name, new Map(value as Map<string, string>)]];
      if (Array.isArray(value)) return [[name, value.map(String)]];
      throw new Error(`no CEL value: ${String(value)}`);
    }),
  );
}

function put(root: Map<string, CelInput>, [first = '', ...rest]: readonly string[], value: CelInput): void {
  if (rest.length === 0) {
    root.set(first, value);
    return;
  }
  const below = root.get(first);
  const next = below instanceof Map ? (below as Map<string, CelInput>) : new Map<string, CelInput>();
  root.set(first, next);
  put(next, rest, value);
}
