import { celEnv, celList, celMap, isCelError, parse, plan } from '@bufbuild/cel';
import { create } from '@bufbuild/protobuf';
import { DurationSchema, TimestampSchema } from '@bufbuild/protobuf/wkt';
import { Environment } from '@marcbachmann/cel-js';
import * as celjs from 'cel-js';
import { check } from '../../dist/src/core/cel/check.js';
import { compile, declaredNames } from '../../dist/src/core/cel/compile/program.js';
import { declaredEnvironment } from '../../dist/src/core/cel/declare.js';
import { typeFrom } from '../../dist/src/core/cel/kinds.js';
import { compare, geometricMean } from './measure.js';

/** `npm run bench -- cel`: conditions as rules have them, over 1,024 events, by us and by others. */
const events = 1_024;
const rounds = 15;

const declared = {
  'request.method': 'string',
  'request.path': 'string',
  'request.size': 'int',
  'request.headers': 'map(string, string)',
  'response.code': 'int',
  'response.duration': 'duration',
  'response.flags': 'list(string)',
  'destination.service': 'string',
  'destination.port': 'int',
  error_rate: 'double',
  p99: 'double',
  baseline: 'double',
  now: 'timestamp',
  started: 'timestamp',
  'request.attempt': 'int',
  'destination.version': 'string',
  peers: 'double',
  yesterday: 'double',
};
const types = new Map(Object.entries(declared).map(([path, text]) => [path, typeFrom(text)]));
const ranges = new Map([
  ['request.size', [0, 2 ** 32]],
  ['request.attempt', [0, 1_000]],
  ['response.code', [0, 999]],
  ['destination.port', [0, 65_535]],
]);

/** Each with the function that an expert would write for our events. */
const conditions = [
  ['destination.service == "checkout" && response.code >= 500', (e) => e.destination.service === 'checkout' && e.response.code >= 500],
  [
    'request.method in ["GET", "HEAD", "OPTIONS"] && request.path.startsWith("/api/")',
    ({ request: { method, path } }) => (method === 'GET' || method === 'HEAD' || method === 'OPTIONS') && path.startsWith('/api/'),
  ],
  ['error_rate > 0.05 && p99 > 3.0 * baseline', (e) => e.error_rate > 0.05 && e.p99 > 3 * e.baseline],
  [
    'destination.port >= 1024 && request.size > 1000000 || response.code == 429',
    (e) => (e.destination.port >= 1024 && e.request.size > 1_000_000) || e.response.code === 429,
  ],
  ['"x-tenant" in request.headers && request.headers["x-tenant"] == "blue"', (e) => e.request.headers.get('x-tenant') === 'blue'],
  ['request.path.matches("^/api/v[0-9]+/users/[0-9]+$")', (e) => /^\/api\/v[0-9]+\/users\/[0-9]+$/.test(e.request.path)],
  ['request.size * 8 / 1000 + response.code % 7 > 250', (e) => Math.trunc((e.request.size * 8) / 1000) + (e.response.code % 7) > 250],
  ['response.flags.exists(f, f == "UF" || f == "UO")', (e) => e.response.flags.some((f) => f === 'UF' || f === 'UO')],
  ['response.duration > duration("250ms")', (e) => e.response.duration > 250_000_000n],
  ['now - started < duration("5m")', (e) => e.now - e.started < 300_000_000_000n],
  [
    'response.code >= 500 ? request.size > 100 : response.code == 404',
    (e) => (e.response.code >= 500 ? e.request.size > 100 : e.response.code === 404),
  ],
  ['size(request.path) > 20 && !request.path.endsWith("/")', (e) => codePoints(e.request.path) > 20 && !e.request.path.endsWith('/')],
];

/** Whole conditions, each as long as those of the rules that ship: canary, gray failure, zone failover, retry storm, slow errors. */
const rules = [
  [
    'destination.version == "v2" && (error_rate > 2.0 * peers + 0.005 || p99 > 1.5 * baseline)',
    (e) => e.destination.version === 'v2' && (e.error_rate > 2 * e.peers + 0.005 || e.p99 > 1.5 * e.baseline),
  ],
  ['p99 > 3.0 * baseline && error_rate < 0.05 && p99 > 250.0', (e) => e.p99 > 3 * e.baseline && e.error_rate < 0.05 && e.p99 > 250],
  ['error_rate > 0.03 && peers < 0.02 && p99 > 1.3 * yesterday', (e) => e.error_rate > 0.03 && e.peers < 0.02 && e.p99 > 1.3 * e.yesterday],
  [
    'destination.service == "checkout" && request.attempt > 1 && (response.code == 503 || response.code == 429)',
    (e) => e.destination.service === 'checkout' && e.request.attempt > 1 && (e.response.code === 503 || e.response.code === 429),
  ],
  [
    'destination.service != "payments" && !request.path.startsWith("/health") && (response.code >= 500 || response.duration > duration("250ms"))',
    (e) =>
      e.destination.service !== 'payments' &&
      !e.request.path.startsWith('/health') &&
      (e.response.code >= 500 || e.response.duration > 250_000_000n),
  ],
  [
    'request.method in ["GET", "HEAD"] && response.code >= 500 && response.flags.exists(f, f == "UF" || f == "UO") && request.size < 1000000',
    ({ request, response }) =>
      (request.method === 'GET' || request.method === 'HEAD') &&
      response.code >= 500 &&
      response.flags.some((f) => f === 'UF' || f === 'UO') &&
      request.size < 1_000_000,
  ],
];

/** As fast as we know: most text has no surrogates; else what is not the second half of a pair is a code point. */
function codePoints(text) {
  if (!/[\ud800-\udbff]/.test(text)) return text.length;
  let n = text.length;
  for (let i = 0; i < text.length; i++) if ((text.charCodeAt(i) & 0xfc00) === 0xdc00) n--;
  return n;
}

const random = mulberry32(7);
const pick = (list) => list[Math.floor(random() * list.length)];
const list = Array.from({ length: events }, event);

function event() {
  const now = 1_767_225_600_000_000_000n + BigInt(Math.floor(random() * 1e9)) * 1_000n;
  return {
    request: {
      method: pick(['GET', 'POST', 'HEAD', 'PUT']),
      path: parsed(pick(['/api/v1/users/', '/api/v22/users/', '/health', '/static/a/', '/api/users/x']) + Math.floor(random() * 1e6)),
      size: Math.floor(random() * 2e6),
      attempt: pick([1, 1, 1, 2, 3]),
      headers: new Map(random() < 0.5 ? [['x-tenant', pick(['blue', 'red'])]] : []),
    },
    response: {
      code: pick([200, 200, 404, 429, 500, 503]),
      duration: BigInt(Math.floor(random() * 5e8)),
      flags: pick([[], ['UF'], ['UO', 'UT'], ['UT']]),
    },
    destination: { service: pick(['checkout', 'catalog', 'payments']), port: Math.floor(random() * 65_536), version: pick(['v1', 'v2']) },
    error_rate: random() * 0.1,
    p99: random() * 500,
    baseline: random() * 200,
    peers: random() * 0.05,
    yesterday: random() * 400,
    now,
    started: now - BigInt(Math.floor(random() * 6e11)),
  };
}

/** Text as a parsed line holds it; what `+` makes stays in two parts, which each use would find out anew. */
function parsed(text) {
  return JSON.parse(JSON.stringify(text));
}

function mulberry32(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The events in each library's own form, made before anything is timed. */
const forBuf = list.map((e) => ({
  ...e,
  request: celMap(new Map([['method', e.request.method], ['path', e.request.path], ['size', BigInt(e.request.size)], ['attempt', BigInt(e.request.attempt)], ['headers', celMap(e.request.headers)]])), // prettier-ignore
  response: celMap(new Map([['code', BigInt(e.response.code)], ['duration', create(DurationSchema, split(e.response.duration))], ['flags', celList(e.response.flags)]])), // prettier-ignore
  destination: celMap(
    new Map([
      ['service', e.destination.service],
      ['port', BigInt(e.destination.port)],
      ['version', e.destination.version],
    ]),
  ),
  now: create(TimestampSchema, split(e.now)),
  started: create(TimestampSchema, split(e.started)),
}));
const forMarc = list.map((e) => ({
  ...e,
  request: {
    ...e.request,
    size: BigInt(e.request.size),
    attempt: BigInt(e.request.attempt),
    headers: Object.fromEntries(e.request.headers),
  },
  response: { code: BigInt(e.response.code), flags: e.response.flags },
  destination: { ...e.destination, port: BigInt(e.destination.port) },
  now: new Date(Number(e.now / 1_000_000n)),
  started: new Date(Number(e.started / 1_000_000n)),
}));
const forCelJs = list.map((e) => ({ ...e, request: { ...e.request, headers: Object.fromEntries(e.request.headers) } }));

function split(ns) {
  return { seconds: ns / 1_000_000_000n, nanos: Number(ns % 1_000_000_000n) };
}

const loopText =
  '(run, inputs) => () => { let n = 0; for (let i = 0; i < inputs.length; i++) if (run(inputs[i]) === true) n++; return n; }';
let loops = 0;

/** A loop of its own for each contender: with one for all, the call inside knows none of them and adds some 7 ns to each. */
function ownLoop(program, inputs) {
  // Text that was compiled before is not compiled anew, and what it learned comes along: so no two are alike.
  return new Function(`return ${loopText} // ${loops++}`)()(program, inputs);
}

/** The same loop for all, as an engine calls thousands of rules from one place. */
const sharedLoop = new Function(`return ${loopText}`)();

/** Each contender for a text; null: it cannot run it, or gives another answer for some event. */
const makers = {
  ours: (text) => [ours(text, new Map()), list],
  'ours, ranges': (text) => [ours(text, ranges), list],
  'by hand': (_, hand) => [hand, list],
  '@bufbuild/cel': (text) => {
    const run = plan(celEnv(), parse(text));
    return [(e) => orThrow(run(e)), forBuf];
  },
  '@marcbachmann/cel-js': (text) => [new Environment({ unlistedVariablesAreDyn: true }).parse(text), forMarc],
  'cel-js': (text) => {
    const { cst } = celjs.parse(text);
    return [(e) => celjs.evaluate(cst, e), forCelJs];
  },
};

function ours(text, bounds) {
  const checked = check(text, declaredEnvironment(types));
  if (!checked.ok) throw new Error(JSON.stringify(checked.problem));
  return compile(checked.value, 'e', declaredNames(types, bounds));
}

function orThrow(result) {
  if (isCelError(result)) throw result;
  return result;
}

export function run() {
  const [parts, wholes] = [conditions.map(measured), rules.map(measured)];
  const rows = [...parts, ...wholes];
  const names = Object.keys(makers);
  /** How many times as fast as `name` is `by`, the geometric mean over the conditions that `name` can run. */
  const times = (of, by, loop = '') => {
    const means = names.map((name) => {
      const both = of.filter(({ ns }) => ns.has(name + loop));
      return [name, geometricMean(both.map(({ ns }) => ns.get(name + loop) / ns.get(by + loop)))];
    });
    return Object.fromEntries(means);
  };
  const byHand = Object.fromEntries(Object.entries(times(rows, 'by hand')).map(([name, ratio]) => [name, 1 / ratio]));
  return {
    rows: rows.map(({ text, ns }) => ({ text, nsPerEvaluation: Object.fromEntries(names.map((name) => [name, ns.get(name) ?? null])) })),
    /** Evaluations a second, hand-written code = 1. */
    timesByHand: byHand,
    ourTimes: times(rows, 'ours'),
    /** The same of single operations, and of whole conditions. */
    ourTimesParts: times(parts, 'ours'),
    ourTimesRules: times(wholes, 'ours'),
    ourTimesSharedLoop: times(rows, 'ours', ', shared loop'),
  };
}

function measured([text, hand]) {
  const wanted = list.map((e) => hand(e));
  const contenders = Object.entries(makers).flatMap(([name, make]) => {
    try {
      const [program, inputs] = make(text, hand);
      const agrees = inputs.every((input, i) => program(input) === wanted[i]);
      if (!agrees) return [];
      return [
        { name, run: ownLoop(program, inputs) },
        { name: `${name}, shared loop`, run: sharedLoop(program, inputs) },
      ];
    } catch {
      // Not in this library: shown as a dash.
      return [];
    }
  });
  return { text, ns: compare(contenders, { rounds, batch: events }) };
}
