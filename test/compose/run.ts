import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { freePort } from '../../src/runtime/ports.ts';
import { packageRoot } from '../../src/runtime/package.ts';
import { mountOf, networksOf, type Compose, type Service } from './model.ts';

/** What a program of a service was given, as it would be in its container, with paths and addresses of this machine instead. */
export type Launch = { readonly argv: readonly string[]; readonly env: Readonly<Record<string, string>> };

export type Ground = {
  readonly root: string;
  /** The port of this machine's loopback that stands for a port of a service. */
  readonly port: (service: string, port: number) => number;
  readonly launch: (name: string, argv: readonly string[]) => Launch;
  /** A path of a service's container as it is here. */
  readonly path: (name: string, path: string) => string;
  readonly remove: () => void;
};

/**
 * The ground that containers stand on, without containers: each volume a folder, each image the package's own folder, each address a port of
 * the loopback; `given` has those that are in use already. Nothing is added to what compose.yaml says: a program that needs more fails here as it would there.
 */
export async function layGround(compose: Compose, root: string, given: Readonly<Record<string, number>>): Promise<Ground> {
  const { services } = compose;
  const bin = join(root, 'bin');
  mkdirSync(bin);
  // What the Dockerfile links.
  writeFileSync(join(bin, 'flyball'), `#!/bin/sh\nexec "${process.execPath}" "${join(packageRoot(), 'bin', 'flyball.js')}" "$@"\n`);
  writeFileSync(join(bin, 'node'), `#!/bin/sh\nexec "${process.execPath}" "$@"\n`);
  for (const name of ['flyball', 'node']) chmodSync(join(bin, name), 0o755);

  const ports = new Map<string, number>();
  for (const [name, service] of Object.entries(services)) for (const port of portsOf(name, service)) ports.set(`${name}:${port}`, given[`${name}:${port}`] ?? (await freePort())); // prettier-ignore
  const byAddress = new Map(Object.entries(services).flatMap(([name, service]) => networksOf(service).flatMap(([, { ipv4_address }]) => (ipv4_address === undefined ? [] : [[ipv4_address, name] as const])))); // prettier-ignore
  const portOf = (service: string, port: number): number => {
    const found = ports.get(`${service}:${port}`);
    if (found === undefined) throw new Error(`nobody listens on ${service}:${port}`);
    return found;
  };

  type Mounts = readonly (readonly [string, string])[];
  const mounted = new Map<string, Mounts>();
  /** Made once: a program may be reading them. */
  const mounts = (name: string): Mounts => {
    const known = mounted.get(name) ?? mount(name);
    mounted.set(name, known);
    return known;
  };
  const mount = (name: string): Mounts => {
    const service = services[name] ?? {};
    const here = (kind: string, of: string): string => {
      const path = join(root, kind, of);
      mkdirSync(path, { recursive: true, mode: 0o700 });
      return path;
    };
    return [
      ...(service.volumes ?? []).map(mountOf).map(({ source, target }) => [target, here('volumes', source)] as const),
      ...(service.configs ?? []).map(({ source, target }) => [target, config(name, source, target)] as const),
      ...(service.tmpfs ?? []).map((one) => one.split(':')[0] ?? '').map((path) => [path, here('tmpfs', `${name}${path.replaceAll('/', '-')}`)] as const), // prettier-ignore
      ...parents(name, (service.volumes ?? []).map(mountOf), here),
      ['/opt/flyball', packageRoot()] as const,
    ].toSorted(([a], [b]) => b.length - a.length);
  };
  /** A folder in which volumes are mounted: here one with links to theirs. */
  const parents = (
    name: string,
    all: readonly { readonly source: string; readonly target: string }[],
    here: (kind: string, of: string) => string,
  ) => {
    const above = new Map<string, string>();
    for (const { source, target } of all) {
      if (dirname(target) === '/') continue;
      const path = here('above', `${name}${dirname(target).replaceAll('/', '-')}`);
      above.set(dirname(target), path);
      const link = join(path, basename(target));
      if (!existsSync(link)) symlinkSync(here('volumes', source), link);
    }
    return [...above];
  };
  /** A config is a file of its own here too, with the addresses of here; beside it lies what is mounted below its folder. */
  const config = (name: string, source: string, target: string): string => {
    const path = join(root, 'configs', name, relative('/', target));
    mkdirSync(dirname(path), { recursive: true });
    const text = readFileSync(compose.configs?.[source]?.file ?? '', 'utf8');
    writeFileSync(
      path,
      translate(
        name,
        text,
        (services[name]?.tmpfs ?? []).map((one) => one.split(':')[0] ?? ''),
      ),
    );
    return path;
  };

  /** Host names and ports, and paths of the container, wherever they stand in a text. */
  function translate(name: string, text: string, only?: readonly string[]): string {
    const names = [...Object.keys(services), ...byAddress.keys()].toSorted((a, b) => b.length - a.length).map((n) => n.replaceAll('.', String.raw`\.`)); // prettier-ignore
    const hosts = new RegExp(String.raw`(?<![\w.-])(${names.join('|')}):(\d+)`, 'g');
    const own = /(?<![\w.-])(?:0\.0\.0\.0|127\.0\.0\.1):(\d+)/g;
    const listed = /"address": "([\d.]+)", "port": (\d+)/g;
    // Only once: a folder of here may hold the name of one of there.
    const paths = (only === undefined ? mounts(name) : only.map((path) => [path, join(root, 'tmpfs', `${name}${path.replaceAll('/', '-')}`)] as const)); // prettier-ignore
    const anyPath = new RegExp(
      String.raw`(?<![\w.-])(${paths.map(([from]) => from.replaceAll('.', String.raw`\.`)).join('|')})(?![\w.-])`,
      'g',
    );
    const known = new Map(paths);
    return text
      .replaceAll(own, (all, port: string) => (ports.has(`${name}:${port}`) ? `127.0.0.1:${portOf(name, Number(port))}` : all))
      .replaceAll(hosts, (_all, host: string, port: string) => `127.0.0.1:${portOf(byAddress.get(host) ?? host, Number(port))}`)
      .replaceAll(
        listed,
        (_all, host: string, port: string) => `"address": "127.0.0.1", "port": ${portOf(byAddress.get(host) ?? host, Number(port))}`,
      )
      .replaceAll(anyPath, (found) => known.get(found) ?? found);
  }

  return {
    root,
    port: portOf,
    path: (name, path) => translate(name, path),
    launch: (name, argv) => {
      const service = services[name] ?? {};
      const given = Object.entries(service.environment ?? {}).map(([variable, value]) => [variable, translate(name, String(value ?? ''))]);
      // As the Dockerfile has it; a read-only image has no home.
      const home = mounts(name).find(([path]) => path === '/var/lib/flyball')?.[1] ?? join(root, 'nowhere');
      const image = { NODE_ENV: 'production', FLYBALL_HOME: home };
      return {
        argv: argv.map((word) => translate(name, word)),
        env: { ...image, ...Object.fromEntries(given), PATH: `${bin}:/usr/bin:/bin` },
      };
    },
    remove: () => rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }),
  };
}

/** Every port that the texts of a service say it listens on. */
function portsOf(name: string, service: Service): readonly number[] {
  const words = [...(service.command ?? []), ...(service.healthcheck?.test ?? [])].join(' ');
  const said = [...words.matchAll(/(?<![\w.-])(?:0\.0\.0\.0|127\.0\.0\.1):(\d+)/g)].map(([, port]) => Number(port));
  const known = name === 'postgres' ? [5432] : name === 'nats' ? [4222, 8222] : [];
  return [...new Set([...said, ...known])];
}

export type Program = {
  readonly name: string;
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  readonly said: () => string;
};

/** Starts a program as its container would: nothing of our own environment, no parent that it could talk to. */
export function start(name: string, { argv, env }: Launch, cwd: string): Program {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => said.push(chunk.toString('utf8')));
  const exited = new Promise<number | null>((resolve) => {
    child.once('close', (code) => resolve(code));
    child.once('error', (error) => {
      said.push(error.message);
      resolve(127);
    });
  });
  return { name, child, exited, said: () => said.join('') };
}
