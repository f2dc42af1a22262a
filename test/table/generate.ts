import type { Key } from '../../src/core/decide/types.ts';
import type { Facts } from '../../src/model/facts.ts';
import type { Peer } from '../../src/model/record.ts';
import type { Random } from './random.ts';

/** Small domains, so that equalities, ranges and prefixes often meet. */
export const words = ['a', 'ab', 'abc', 'b', 'ba', '', '/api', '/api/v1', 'cart', 'x-1'];
const addresses = ['10.0.0.1', '10.0.1.7', '10.1.0.1', '192.168.0.9', '2001:db8::1', '2001:db8:1::1', '::1'];
const prefixes = ['10.0.0.0/8', '10.0.0.0/16', '10.0.1.0/24', '10.0.0.1/32', '0.0.0.0/0', '2001:db8::/32', '::/0', '10.0.0.9/8'];
const numbers = [-1, 0, 1, 2, 3, 4, 80, 443];
const bigs = ['9007199254740991', '9223372036854775807', '-9223372036854775808', '-9007199254740991'];
const patterns = ['^a', 'b$', 'a.*b', '^/api(/v[0-9]+)?$', '[[:digit:]]', '(?i)AB', '', '^$', '\\\\d'];
const members = ['x', 'y', 'x-tenant'];
const flags = ['SYN', 'ACK'];
const textPaths = [
  'source.service',
  'source.zone',
  'destination.service',
  'request.method',
  'request.path',
  'request.host',
  'source.version',
];
const intPaths = ['source.port', 'destination.port', 'request.attempt', 'flow.protocol', 'flow.dscp'];

export const sampleKey: Key = new Map<string, string | bigint>([
  ['destination.instance', 'a'],
  ['net', '10.0.0.0/16'],
  ['n', 3n],
  ['tenant', 'x'],
]);

/** Facts in which each attribute is there or not. */
export function randomFacts(random: Random): Facts {
  const maybe = <T>(name: string, value: () => T): Readonly<Record<string, T>> => (random.chance(0.7) ? { [name]: value() } : {});
  const word = (): string => random.pick(words);
  const number = (): number => random.pick(numbers);
  const map = (): ReadonlyMap<string, string> => new Map(members.filter(() => random.chance(0.5)).map((name) => [name, word()]));
  const peer = (): Peer => ({
    ...maybe('service', word),
    ...maybe('zone', word),
    ...maybe('version', word),
    ...maybe('address', () => random.pick(addresses)),
    ...maybe('port', number),
    ...maybe('labels', map),
  });
  const request = {
    ...maybe('method', word),
    ...maybe('path', word),
    ...maybe('host', word),
    ...maybe('attempt', number),
    ...maybe('headers', map),
  };
  const flow = {
    ...maybe('protocol', number),
    ...maybe('dscp', number),
    ...maybe('tcp_flags', () => flags.filter(() => random.chance(0.5))),
  };
  return { source: peer(), destination: peer(), ...(random.chance(0.9) ? { request } : {}), ...(random.chance(0.6) ? { flow } : {}) };
}

/** A match as a person could write it, in every form that can become entries. */
export function randomMatch(random: Random, depth: number): string {
  if (depth === 0 || random.chance(0.25)) return randomTest(random);
  const inner = (): string => randomMatch(random, depth - 1);
  switch (random.below(8)) {
    case 0:
      return `!(${inner()})`;
    case 1:
    case 2:
      return `(${inner()} && ${inner()})`;
    case 3:
    case 4:
      return `(${inner()} || ${inner()})`;
    case 5:
      return `(${inner()} ? ${inner()} : ${inner()})`;
    case 6:
      return `((${inner()}) ${random.pick(['==', '!=', '<', '>='])} (${random.chance(0.3) ? random.pick(['true', 'false']) : inner()}))`;
    default:
      return randomTest(random);
  }
}

function randomTest(random: Random): string {
  const text = (): string =>
    random.chance(0.3)
      ? random.pick(['request.headers["x"]', 'request.headers.y', 'source.labels["x-tenant"]', 'request.headers[key.tenant]'])
      : random.pick(textPaths);
  const constant = (): string =>
    random.chance(0.15) ? 'key.destination.instance' : random.chance(0.1) ? '"a" + "b"' : JSON.stringify(random.pick(words));
  const int = (): string => random.pick(intPaths);
  const number = (): string =>
    random.chance(0.1)
      ? random.pick(bigs)
      : random.chance(0.1)
        ? random.pick(['key.n', 'key.n + 1', '1 + 2', '1 / 0'])
        : String(random.pick(numbers));
  const flip = (a: string, operator: string, b: string): string => (random.chance(0.2) ? `${b} ${operator} ${a}` : `${a} ${operator} ${b}`);
  const address = (): string => random.pick(['source.address', 'destination.address', 'request.headers["x"]']);
  const list = (item: () => string): string => `[${Array.from({ length: random.below(4) }, item).join(', ')}]`;
  switch (random.below(14)) {
    case 12:
      return `(${random.chance(0.5) ? `has(${random.pick(textPaths)})` : `${random.pick(intPaths)} > 2`} ? ${random.pick([text, constant])()} : ${random.pick([text, constant])()}) ${random.pick(['==', '!='])} ${constant()}`;
    case 0:
      return flip(text(), random.pick(['==', '!=']), constant());
    case 1:
    case 2:
      return flip(int(), random.pick(['==', '!=', '<', '<=', '>', '>=']), number());
    case 3:
      return `${text()} in ${list(constant)}`;
    case 4:
      return `${int()} in ${list(number)}`;
    case 5:
      return `has(${random.pick([...textPaths, ...intPaths, 'request.headers', 'request.headers.x', 'source.labels.y', 'flow.tcp_flags', 'key.net', 'key.no'])})`;
    case 6:
      return `${random.pick(['"x"', '"x-tenant"', 'key.tenant'])} in ${random.pick(['request.headers', 'source.labels'])}`;
    case 7:
      return `${text()}.${random.pick(['startsWith', 'endsWith', 'contains'])}(${constant()})`;
    case 8:
      return `${text()}.matches("${random.pick(patterns)}")`;
    case 9:
      return `cidr(${random.chance(0.2) ? 'key.net' : JSON.stringify(random.pick(prefixes))}).containsIP(${random.chance(0.2) ? `ip(${address()})` : address()})`;
    case 10:
      return `subnet(${address()}, ${random.pick(['8', '16', '24'])}, 64) ${random.pick(['==', '!='])} ${random.pick(['key.net', '"10.0.1.0/24"', '"10.0.0.0/8"', '"a"'])}`;
    case 11:
      return `"${random.pick(flags)}" in flow.tcp_flags`;
    default:
      return random.pick([
        'true',
        'false',
        'key.n == 3',
        'key.no == "a"',
        'key.destination.instance in ["a"]',
        'ip(source.address) == ip("10.0.0.1")',
      ]);
  }
}
