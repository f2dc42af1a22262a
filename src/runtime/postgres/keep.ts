import type { Result } from '../../model/problem.ts';
import { alive, pause } from '../processes.ts';
import type { Running } from './server.ts';

/** A server that we adopted is not our child: it cannot be waited for, only looked at. */
const lookEveryMs = 250;
const backoffMsMin = 500;
const backoffMsMax = 10_000;

export type Kept = { /** Looks no more; resolves when no start is under way. */ readonly end: () => Promise<void> };

/** Starts the server again whenever it is gone, until told to end. */
export function keepServer(first: Running, start: () => Promise<Result<Running>>, say: (line: string) => void): Kept {
  let running = first;
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  let work: Promise<void> = Promise.resolve();
  const look = (): void => {
    if (ended) return;
    if (!alive(running.pid)) work = again().then(later);
    else later();
  };
  const later = (): void => {
    if (!ended) timer = setTimeout(look, lookEveryMs).unref();
  };
  const again = async (): Promise<void> => {
    say('the database ended: starting it again');
    for (let wait = backoffMsMin; !ended; wait = Math.min(wait * 2, backoffMsMax)) {
      const next = await start();
      if (next.ok) {
        if (next.value.port !== first.port) say(`the database is at port ${next.value.port} now: start the engine again`);
        running = next.value;
        return;
      }
      say(`${next.problem.what} · ${next.problem.todo}`);
      await pause(wait);
    }
  };
  later();
  return {
    end: async () => {
      ended = true;
      clearTimeout(timer);
      await work;
    },
  };
}
