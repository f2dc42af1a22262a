import type { Loop } from '../core/loop/types.ts';
import { entry } from '../core/audit/entries.ts';
import { fail, ok, type Problem, type Result } from '../model/problem.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';
import type { Leading } from './leading.ts';

const lookEveryMs = 20;
/** A take and a load; longer, and the database is away. */
const waitMsMax = 10_000;

/**
 * A person accepts the history that the record has, though targets have seen a newer one (protocol.md section 7): written down, then a new
 * epoch above every proof is taken, and the targets are brought back above what they have seen. Answers with their names. E-NOT-BEHIND.
 */
export async function acceptRestored(of: {
  readonly author: string;
  readonly reason: string;
  readonly loop: Loop;
  readonly store: Store;
  readonly clock: Clock;
  readonly leading: Leading;
}): Promise<Result<readonly string[]>> {
  const { author, reason, loop, store, clock, leading } = of;
  const ahead = [...loop.lead.behind].map(([target, { epoch, revision, hash }]) => ({ target, epoch, revision, hash }));
  if (ahead.length === 0) return fail(notBehind);
  try {
    await store.append([entry({ at: clock.now(), kind: 'operator', body: { what: 'resume --restored', author, reason, ahead } })]);
  } catch (error) {
    return fail(notTaken(error instanceof Error ? error.message : String(error), store.about.address));
  }
  const before = loop.lead.adopted;
  leading.doubt({ floor: Math.max(...ahead.map(({ epoch }) => epoch)), adopts: true });
  for (const end = clock.monotonic() + waitMsMax; loop.lead.adopted === before;) {
    if (clock.monotonic() > end) return fail(notTaken('no new epoch could be taken', store.about.address));
    await new Promise<void>((resolve) => clock.after(lookEveryMs, resolve));
  }
  return ok(ahead.map(({ target }) => target));
}

const notBehind: Problem = {
  code: 'E-NOT-BEHIND',
  what: 'no target has proved anything that the record lacks',
  at: 'the database',
  todo: 'nothing is to be accepted; flyball status shows what is wrong',
};

const notTaken = (what: string, at: string): Problem => ({
  code: 'E-DB-DOWN',
  what,
  at,
  todo: 'see that the database runs, then try again: accepting twice is accepting once',
});
