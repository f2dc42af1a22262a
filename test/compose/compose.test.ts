import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { inventoryOf, shop } from '../../connectors/shop/network.ts';
import { readInventory } from '../../src/model/inventory.ts';
import { cacheFolder } from '../../src/runtime/install.ts';
import { dockerfileFaults } from './dockerfile.ts';
import { faultsOf } from './faults.ts';
import { readCompose } from './model.ts';

const text = readFileSync('compose.yaml', 'utf8');
const dockerfile = readFileSync('Dockerfile', 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'flyball-compose-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The reference reader of the specification, with its schema inside. Newer ones may be tried; this one is what the file was written to. */
const composeGo = { module: 'github.com/compose-spec/compose-go/v2/cmd', version: 'v2.16.2' };
const buildMsMax = 240_000;

/** Its program, built once; a text says why there is none. */
function reader(): { readonly path: string } | string {
  const into = join(cacheFolder(process.env), `compose-go-${composeGo.version}`);
  const path = join(into, 'cmd');
  if (existsSync(path)) return { path };
  const built = spawnSync('go', ['install', `${composeGo.module}@${composeGo.version}`], { env: { ...process.env, GOBIN: into }, encoding: 'utf8', timeout: buildMsMax }); // prettier-ignore
  if (built.error !== undefined) return `no Go on this machine to build compose-go with (${built.error.message})`;
  return built.status === 0 ? { path } : `compose-go does not build here: ${built.stderr.slice(-200)}`;
}
function read(path: string, compose: string): { readonly ok: boolean; readonly said: string } {
  const file = join(folder, 'compose.yaml');
  writeFileSync(file, compose);
  const { PATH } = process.env;
  const { status, stdout, stderr } = spawnSync(path, [file], { env: { PATH }, encoding: 'utf8' });
  return { ok: status === 0, said: `${stdout}${stderr}` };
}

describe('compose.yaml', () => {
  test('is what the specification says, as its reference reader finds', (context) => {
    const found = reader();
    if (typeof found === 'string') return context.skip(found);
    expect(read(found.path, text)).toMatchObject({ ok: true });
    for (const [good, bad] of [
      ['read_only: true', 'readonly: true'],
      ['condition: service_healthy', 'condition: service_well'],
      ['pids_limit: 256', 'pids_limit: many'],
    ] as const)
      expect(read(found.path, text.replace(good, bad)).ok, bad).toBe(false);
  });

  test('has none of the faults that the schema lets through', () => {
    expect(faultsOf(text)).toEqual([]);
  });

  test.each([
    ['postgres: { condition: service_healthy }', 'postgre: { condition: service_healthy }', /service postgre is not defined/],
    ['keys-nats:/etc', 'keys-nat:/etc', /nats: volume keys-nat is not defined/],
    ['networks: [data, bus, edge]', 'networks: [data, buss, edge]', /network buss is not defined/],
    ['source: nats', 'source: natz', /config natz is not defined/],
    ['${ALERTMANAGER_URL:-}', '${ALERTMANAGER_URL}', /variable ALERTMANAGER_URL has no default/],
    ['172.30.84.12 }', '172.30.84.11 }', /address 172.30.84.11 is taken by p1 and by k1/],
    ["user: '999:999'", "user: '0:0'", /postgres: runs as 0:0/],
    ['cap_drop: [ALL]', 'cap_drop: []', /nats: keeps capabilities/],
    ['image: postgres:17.6-bookworm', 'image: postgres:latest', /postgres:latest is not pinned/],
    ["'127.0.0.1:${SHOP_PORT:-8080}:4000'", "'${SHOP_PORT:-8080}:4000'", /publishes 8080:4000 to the world/],
    ['keys-engine:/keys:ro', 'keys-engine:/keys', /volume keys-engine is taken by init and by engine-a/],
    ['POSTGRES_PASSWORD_FILE: /keys/postgres', 'POSTGRES_PASSWORD: swordfish', /POSTGRES_PASSWORD is in the environment/],
    ['nats: { file: scripts/compose/nats.conf }', 'nats: { content: "" }', /nats: config nats is inline text/],
    ["    test: [CMD, flyball, check, 'http://127.0.0.1:8080/']\n", '', /c3: has no health check/],
    ['    network_mode: none\n', '    depends_on: { users: { condition: service_started } }\n', /waits for itself/],
  ])('a planted fault is found: %s', (good, bad, what) => {
    const planted = text.replace(good, bad);
    expect(planted).not.toBe(text);
    expect(faultsOf(planted).join('\n')).toMatch(what);
  });

  test('has a sidecar before each service of the shop, and the inventory of its replicas', () => {
    const { services } = readCompose(text);
    const inventory = readInventory(readFileSync('scripts/compose/inventory.json', 'utf8'));
    if (typeof inventory === 'string') throw new Error(inventory);
    const ports = new Map(shop.flatMap(({ instances }) => instances.map(({ instance }) => [instance, 8080] as const)));
    const addressless = ({ address: _a, ...rest }: (typeof inventory.instances)[number]) => rest;
    expect(inventory.instances.map(addressless)).toEqual(inventoryOf(ports).instances.map(addressless));
    for (const { instance, address } of inventory.instances)
      expect(services[instance]?.networks, instance).toEqual({ shop: { ipv4_address: address } });
    for (const { service, target } of shop) {
      expect(services[`sidecar-${service}`]?.command).toEqual(expect.arrayContaining([`--target=${target}`, `--set=service=${service}`]));
      expect(services['init']?.environment?.['TARGETS']?.split(' ')).toContain(target);
    }
  });

  test('its image has every file that the Dockerfile copies, and no other gets to the builder', () => {
    const ignore = readFileSync('.dockerignore', 'utf8').split('\n');
    expect(ignore.find((line) => line !== '' && !line.startsWith('#'))).toBe('*');
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+)$/gm)].flatMap(([, rest = '']) => rest.split(' ').slice(0, -1));
    for (const path of copied) {
      expect(existsSync(path), path).toBe(true);
      expect(ignore, path).toContain(`!${path}`);
    }
    const tracked = execFileSync('git', ['ls-files', '-s', 'scripts/compose/init.sh'], { encoding: 'utf8' });
    if (tracked !== '') expect(tracked.startsWith('100755')).toBe(true);
  });
});

describe('Dockerfile', () => {
  test('keeps our list', () => {
    expect(dockerfileFaults(dockerfile)).toEqual([]);
  });
  test.each([
    ['FROM node:20.19.5-bookworm-slim AS build', 'FROM node:latest AS build', /node:latest is not pinned/],
    ['USER 1000:1000', 'USER root', /runs as root/],
    ['USER 1000:1000\n', '', /runs as root/],
    ['COPY bin bin', 'ADD https://example.com/bin bin', /ADD/],
    ['COPY bin bin', 'COPY . .', /name what is copied/],
    ['--omit=dev ', '', /development packages/],
    ['npm ci --ignore-scripts', 'npm install --ignore-scripts', /npm ci keeps to the lock/],
    ['ENV NODE_ENV=production', 'ENV NODE_ENV=production\nENV API_TOKEN=x', /a secret in a layer/],
    ['COPY migrations migrations', 'COPY .flyball/keys/engine.key keys/', /a secret in a layer/],
  ])('a planted fault is found: %s → %s', (good, bad, what) => {
    const planted = dockerfile.replaceAll(good, bad);
    expect(planted).not.toBe(dockerfile);
    expect(dockerfileFaults(planted).join('\n')).toMatch(what);
  });
});
