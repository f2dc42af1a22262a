import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Postgres of a home with all its backends, which serve on when only their parent stands still. */
export function postgresOf(home: string): readonly number[] {
  const [parent = '0'] = readFileSync(join(home, 'postgres', 'postmaster.pid'), 'utf8').split('\n');
  return [Number(parent), ...processes().flatMap(({ pid, ppid }) => (ppid === Number(parent) ? [pid] : []))];
}

/** The nats-server of a home; [] when its bus is the local one. */
export const natsOf = (home: string): readonly number[] =>
  processes().flatMap(({ pid, command }) =>
    command.includes('nats-server') && !command.startsWith('/bin/sh') && command.includes(home) ? [pid] : [],
  );

type Seen = { readonly pid: number; readonly ppid: number; readonly command: string };

function processes(): readonly Seen[] {
  return readdirSync('/proc').flatMap((name): readonly Seen[] => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const ppid = Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${name}/stat`, 'utf8'))?.[1] ?? 0);
      return [{ pid: Number(name), ppid, command: readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ') }];
    } catch {
      // It ended while we looked.
      return [];
    }
  });
}
