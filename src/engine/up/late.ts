import { subjectOf } from '../../core/publish/subjects.ts';
import { ok, type Result } from '../../model/problem.ts';
import type { BusMessage } from '../../ports/bus.ts';
import { findBus, openBus } from '../../runtime/bus.ts';
import type { Home } from '../../runtime/home.ts';

export type Late = {
  /** Sends the first table that the target got since then once more, byte for byte; false: it got none. */
  readonly send: () => boolean;
  readonly close: () => Promise<void>;
};

/** A rehearsal of a queue that was stuck: keeps what a target hears, as its adapter hears it, and can say it again, as the engine says it. */
export async function openLate(of: {
  readonly home: Home;
  readonly env: NodeJS.ProcessEnv;
  readonly target: string;
}): Promise<Result<Late>> {
  const { home, env, target } = of;
  const asTarget = findBus(home, env, { role: 'adapter', target });
  if (!asTarget.ok) return asTarget;
  const asEngine = findBus(home, env, { role: 'engine' });
  if (!asEngine.ok) return asEngine;
  const ear = await openBus(asTarget.value, 'member', 'flyball late');
  if (!ear.ok) return ear;
  const mouth = await openBus(asEngine.value, 'member', 'flyball late');
  if (!mouth.ok) {
    await ear.value.close();
    return mouth;
  }
  let first: BusMessage | null = null;
  ear.value.subscribe(subjectOf('diff', target), (message) => {
    first ??= message;
  });
  return ok({
    send: () => {
      if (first !== null) mouth.value.publish(first);
      return first !== null;
    },
    close: async () => {
      await ear.value.close();
      await mouth.value.close();
    },
  });
}
