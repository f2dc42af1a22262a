import type { Result } from '../model/problem.ts';
import { callControl, type Answer } from '../runtime/control.ts';
import { findHome } from '../runtime/home.ts';
import { adapterSocket, adapterSockets, socketPath } from '../runtime/sockets.ts';

export type DeskAnswer = { readonly target: string; readonly answer: Result<Answer> };

/** Asks the adapters of FLYBALL_HOME themselves, all at once; a socket whose adapter is gone answers with a problem. */
export async function askSockets(
  isAsked: (target: string) => boolean,
  bodyFor: (target: string) => object,
): Promise<readonly DeskAnswer[]> {
  const home = findHome({ env: process.env, cwd: process.cwd() });
  if (!home.ok) return [];
  const asked = adapterSockets(home.value).filter(isAsked);
  return await Promise.all(
    asked.map(async (target): Promise<DeskAnswer> => {
      const path = socketPath(home.value, adapterSocket(target), () => undefined);
      return { target, answer: path.ok ? await callControl(path.value, bodyFor(target)) : path };
    }),
  );
}
