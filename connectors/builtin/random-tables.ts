import type { Facts } from '../../src/model/facts.ts';
import type { Instance, Inventory } from '../../src/model/inventory.ts';
import { toTable } from '../../src/model/normal.ts';
import { stageOf } from '../../src/model/table.ts';
import type { Action, Entry, Match, Table, Test } from '../../src/model/table.ts';
import type { Random } from '../../src/ports/random.ts';

/** For tests: tables, inventories and requests that meet each other often. Values come from small sets. */

export const asked = 'checkout';
const services = [asked, 'fallback', 'catalog'] as const;
const tenants = ['a', 'b', 'ab'] as const;
const paths = ['/', '/buy', '/buy/now', '/admin'] as const;
const versions = ['v1', 'v2'] as const;
const zones = ['x', 'y'] as const;

export const any = <T>(random: Random, values: readonly [T, ...T[]]): T => values[random.integer(values.length)] ?? values[0];
const chance = (random: Random, percent: number): boolean => random.integer(100) < percent;

export type Ask = {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly id: string;
  readonly source: string | null;
  readonly attempt: number | null;
  readonly headers: Readonly<Record<string, string>>;
};

export function randomAsk(random: Random, id: string): Ask {
  const headers: Record<string, string> = {};
  if (chance(random, 70)) headers['x-tenant'] = any(random, tenants);
  if (chance(random, 70)) headers['x-user'] = `u${random.integer(40)}`;
  return {
    method: any(random, ['GET', 'POST', 'DELETE']),
    path: any(random, paths),
    query: chance(random, 30) ? '?q=/admin' : '',
    id,
    source: chance(random, 70) ? any(random, ['gateway', 'batch']) : null,
    attempt: chance(random, 50) ? 1 + random.integer(4) : null,
    headers,
  };
}

/** What an engine knows of it, said apart from connectors/builtin/facts.ts. */
export function factsAsked(ask: Ask, socket: { readonly address: string; readonly port: number }, host: string): Facts {
  const sent: Record<string, string> = { host, 'x-request-id': ask.id, ...ask.headers };
  return {
    source: { ...(ask.source === null ? {} : { service: ask.source }), ...socket },
    destination: { service: asked },
    request: {
      protocol: 'http/1.1',
      method: ask.method,
      host,
      path: ask.path,
      id: ask.id,
      attempt: ask.attempt ?? 1,
      headers: new Map(Object.entries(sent)),
    },
  };
}

/** Two to four instances of each service at the given addresses; some without version, some not ready. */
export function randomInventory(random: Random, ports: readonly number[]): Inventory {
  const instances = ports.map((port, i): Instance => {
    const service = services[i % services.length] ?? asked;
    const rest = { address: '127.0.0.1', port, ready: chance(random, 85) };
    const version = chance(random, 90) ? { version: any(random, versions) } : {};
    return { service, instance: `i${i}`, ...version, zone: any(random, zones), node: `n${i % 2}`, ...rest };
  });
  return { instances };
}

export function randomTable(random: Random): Table {
  const entries = Array.from({ length: random.integer(9) }, (): Entry => {
    const action = randomAction(random);
    const owner = { rule: any(random, ['gray', 'shed', 'canary', 'move']), revision: 1 + random.integer(2), key: '{}' };
    const about = { priority: 100 * random.integer(3), match: randomMatch(random), action, owner, part: random.integer(3) };
    return { id: random.hex(16), stage: stageOf[action.kind], ...about, until: null };
  });
  return toTable(entries);
}

function randomAction(random: Random): Action {
  const ppm = any(random, [0, 10_000, 500_000, 990_000, 1_000_000]);
  switch (random.integer(12)) {
    case 8:
      return {
        kind: 'limit',
        rateMilli: any(random, [1, 1_500, 50_000]),
        burst: 1 + random.integer(20),
        unit: 'requests',
        per: any<readonly string[]>(random, [[], ['request.headers["x-user"]'], ['source.service', 'request.method']]),
        scope: 'local',
      };
    case 9:
      return { kind: 'respond', status: any(random, [200, 204, 418, 503]), body: any(random, ['', 'käse']), headers: { 'x-said': 'so' } };
    case 10:
      return { kind: 'mirror', to: any(random, services), ppm };
    case 11:
      return {
        kind: 'set',
        set: any<Readonly<Record<string, string>>>(random, [{}, { 'x-canary': 'yes' }, { 'x-tenant': 'z', 'x-canary': 'no' }]),
        remove: any<readonly string[]>(random, [['x-user'], ['x-tenant', 'x-user']]),
        dscp: null,
      };
    case 0:
      return { kind: 'allow' };
    case 1:
      return { kind: 'deny', ppm, status: any(random, [403, 429, 503]), grpcStatus: 7 };
    case 2:
      return { kind: 'route', to: any(random, services) };
    case 3:
      return {
        kind: 'split',
        on: 'version',
        ppm: { v1: ppm, v2: 1_000_000 - ppm },
        sticky: any(random, [null, 'request.headers["x-user"]']),
      };
    case 4:
      return { kind: 'split', on: 'service', ppm: { checkout: ppm, fallback: 1_000_000 - ppm }, sticky: null };
    case 5:
      return { kind: 'avoid', on: 'zone', value: any(random, zones), ppm, floorPpm: any(random, [0, 600_000]) };
    default:
      return { kind: 'avoid', on: 'instance', value: `i${random.integer(9)}`, ppm, floorPpm: any(random, [0, 300_000, 600_000]) };
  }
}

const field = (random: Random): readonly [string, Test] => {
  switch (random.integer(10)) {
    case 0:
      return ['request.path', any<Test>(random, [{ prefix: '/buy' }, { in: ['/admin'] }, { suffix: 'w', not: true }])];
    case 1:
      return [
        'request.headers["x-tenant"]',
        any<Test>(random, [{ in: ['a', 'ab'] }, { notIn: ['b'] }, { present: false }, { contains: 'b' }]),
      ];
    case 2:
      return ['request.attempt', { range: [2, 9] }];
    case 3:
      return ['source.service', any<Test>(random, [{ in: ['gateway'] }, { present: true }, { notIn: ['gateway'] }])];
    case 4:
      return ['source.address', any<Test>(random, [{ cidr: '127.0.0.0/8' }, { cidr: '10.0.0.0/8' }, { cidr: '10.0.0.0/8', not: true }])];
    case 5:
      return ['request.method', { in: ['GET', 'POST'] }];
    case 6:
      return ['request.headers["x-user"]', { regex: '^u[0-9]$' }];
    case 7:
      return ['source.port', { range: [0, 40_000] }];
    case 8:
      return ['request.id', { suffix: '7' }];
    default:
      return ['request.headers', { present: true }];
  }
};

function randomMatch(random: Random): Match {
  const match: Record<string, readonly Test[]> = {};
  if (chance(random, 70)) match['destination.service'] = [{ in: [chance(random, 70) ? asked : any(random, services)] }];
  for (let n = random.integer(3); n > 0; n--) {
    const [path, test] = field(random);
    match[path] = [test];
  }
  return match;
}
