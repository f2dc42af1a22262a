import type { RpcRecord } from '../../src/model/record.ts';
import type { Random } from '../replay/seeded.ts';
import { expression } from './random.ts';

/** Rule files and texts that someone writes who wants the engine to stop, to run what is not a rule, or to find out what lies around it. */

type Attack = (random: Random, size: number) => string;

const repeat = (text: string, n: number): string => text.repeat(n);
const prototypeNames = ['__proto__', 'constructor', 'prototype', 'toString', 'valueOf', '__defineGetter__', 'hasOwnProperty', 'this', 'globalThis', 'process', 'require', 'import', 'eval', 'arguments', 'lib', 'rt', 'k0', 't0']; // prettier-ignore
const escapes = ['"', "'", '\\', '`', '${process.exit()}', '\u2028', '\u2029', '*/', '//', '\\u0022', ']); process.exit(); ([', '\0'];
const patterns = ['(a+)+$', '((a*)*)*b', '(a|a)*$', '(a|aa)+$', '^(([a-z])+.)+[A-Z]([a-z])+$', '(x+x+)+y', '.*.*.*.*=.*', '(?:a?){64}a{64}', '[[:alpha:]]{1000}', '(?i)(é|e)*$']; // prettier-ignore

/** A condition over one record, true or false or refused. */
const ofRecord: Readonly<Record<string, Attack>> = {
  'nested comprehensions': (random, size) => nested('response.flags', random.pick(['all', 'exists', 'exists_one']), 1 + (size % 6)),
  'maps of maps': (random, size) =>
    `size(${repeat('response.flags.map(x, ', 1 + (size % 5))}x${repeat(')', 1 + (size % 5))}) > ${random.below(9)}`,
  'an exponential pattern': (random) => `request.path.matches(${JSON.stringify(random.pick(patterns))})`,
  'a pattern of patterns': (random, size) => `request.path.matches(${JSON.stringify(repeat(random.pick(patterns), 1 + (size % 90)))})`,
  'a pattern made by the request': () => 'request.path.matches(request.path)',
  'deep brackets': (_, size) => `${repeat('(', size * 8)}true${repeat(')', size * 8)}`,
  'deep negations': (_, size) => `${repeat('!', size * 8)}true`,
  'a long chain': (random, size) => Array.from({ length: size * 4 }, () => 'response.code == 500').join(random.pick([' || ', ' && '])),
  'a giant literal': (random, size) => `request.path == "${repeat(random.pick(['a', '\\u00e9', '\\n']), size * 400)}"`,
  'a giant number': (random, size) =>
    `response.code == ${repeat(random.pick(['9', '1']), 1 + size)}${random.pick(['', 'u', '.0', 'e999'])}`,
  'a giant list': (_, size) => `response.code in [${Array.from({ length: size * 10 }, (_e, i) => i).join(', ')}]`,
  'nested conditionals': (_, size) => `${repeat('response.failed ? true : ', size)}false`,
  'names of the host': (random) => `${random.pick(['request', 'source', 'destination.labels', 'request.headers'])}.${random.pick(prototypeNames)} == ${random.pick(['"x"', '1', 'null'])}`, // prettier-ignore
  'entries of the host': (random) => `request.headers[${JSON.stringify(random.pick(prototypeNames))}] == "x"`,
  'bare names of the host': (random) => `${random.pick(prototypeNames)}${random.pick(['', '()', '.constructor("return 1")()'])} == 1`,
  'a way out of a literal': (random) => `request.path == ${JSON.stringify(repeat(random.pick(escapes), 1 + random.below(5)))}`,
  'text that grows': (_, size) => `${repeat('(request.path + ', size % 40)}request.path${repeat(')', size % 40)}.size() > 3`,
  'arithmetic over the edge': (random) =>
    `response.code * ${random.pick(['9223372036854775807', '4503599627370497'])} * response.code % 0 == ${random.below(3)}`,
};

const nested = (of: string, macro: string, depth: number): string =>
  depth === 0 ? 'true' : `${of}.${macro}(x${depth}, ${nested(of, macro, depth - 1)})`;

const files: Readonly<Record<string, Attack>> = {
  'an alias bomb': () => `rule: r\na: &a [x,x]\nb: &b [*a,*a]\nwhy: w\nowner: o\n`,
  'a tag': () => `rule: r\nwhy: !!js/function 'function () {}'\nowner: o\n`,
  'deep flow': (_, size) => `rule: r\nwhy: ${repeat('[', size * 20)}${repeat(']', size * 20)}\n`,
  'a long line': (_, size) => `rule: r\nwhy: ${repeat('w', size * 900)}\nowner: o\n`,
  'keys of the host': (random) => `rule: r\n${random.pick(prototypeNames)}: x\nwhy: w\nowner: o\n`,
  'many columns': (_, size) => `rule: r\nwhy: w\nowner: o\nover: rpc\nby: [${Array.from({ length: size }, () => 'destination.instance').join(', ')}]\nwhen: count() > 0\nthen: []\n`, // prettier-ignore
  'many windows': (_, size) => `rule: r\nwhy: w\nowner: o\nover: rpc\nwhen: '${Array.from({ length: size }, (_e, i) => `count("${i + 1}s") > 0`).join(' && ')}'\nthen: []\n`, // prettier-ignore
};

/** A rule file of each kind in turn. */
export function hostileRule(random: Random, number: number): { readonly kind: string; readonly text: string } {
  const all = [...Object.keys(ofRecord), ...Object.keys(files)];
  const kind = all[number % all.length] ?? '';
  const size = 1 + random.below(60);
  const file = files[kind];
  if (file !== undefined) return { kind, text: file(random, size) };
  const condition = (ofRecord[kind] ?? (() => 'true'))(random, size);
  const places = [
    `where: ${quoted(condition)}\nwhen: count() > 0`,
    `when: ${quoted(`ratio(${condition}) > 0.5`)}`,
    `by: {x: ${quoted(condition)}}\nwhen: count() > 0`,
  ];
  return { kind, text: `rule: r\nwhy: w\nowner: o\nover: rpc\n${random.pick(places)}\nthen: []\n` };
}

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** Records that go with them: long, odd, and with the names that the rules ask for. */
export function hostileRecord(random: Random, time: bigint): RpcRecord {
  const text = random.pick(['a', 'x', 'é', '=']).repeat(random.pick([1, 30, 4_000])) + random.pick(['', '!', 'Z']);
  const names = new Map(prototypeNames.map((name) => [name, random.pick(['x', 'y'])]));
  return {
    stream: 'rpc',
    time,
    source: { labels: names },
    destination: { instance: random.pick(prototypeNames), labels: names },
    reporter: {},
    rpc: {},
    request: { path: text, headers: names, size: random.pick([0, 1, 2 ** 53 - 1]) },
    response: {
      code: random.pick([0, 200, 500]),
      failed: random.chance(0.5),
      flags: Array.from({ length: random.pick([0, 3, 64]) }, () => random.pick(['UF', text])),
    },
    applied: [],
  };
}

const pieces = ['(', ')', '[', ']', '{', '}', '"', "'", '.', ',', '?', ':', '&&', '||', '!', '-', '+', '*', '/', '%', '<', '==', 'in', 'has', 'all', 'x', '1', '0x', '1e', '9223372036854775808', 'true', 'null', 'duration', '"1s"', 'request', 'count()', 'p99', '\\', '\0', '\ud800', '😀', '\n', '//', 'r"', 'b"', '"""', ' ']; // prettier-ignore

/** Any text: pieces at random, or a sound expression with something changed. */
export function randomText(random: Random): string {
  const soup = Array.from({ length: 1 + random.below(30) }, () => random.pick(pieces));
  if (random.chance(0.5)) return soup.join(random.pick(['', ' ']));
  const text = expression(random, random.pick(['bool', 'int', 'string']), 1 + random.below(3), random.chance(0.5) ? 'record' : 'aggregate');
  const at = random.below(text.length + 1);
  return text.slice(0, at) + (soup[0] ?? '') + text.slice(at + random.below(3));
}
