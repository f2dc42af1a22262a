import { assert } from '../../model/problem.ts';
import type { BusMessage, BusState } from '../../ports/bus.ts';
import { matcher, patternOk } from './subject.ts';

const subscriptionsMax = 1_000;
const watchersMax = 100;

type Handler = (message: BusMessage) => void;

export type Handlers = {
  readonly subscribe: (pattern: string, handler: Handler) => () => void;
  /** Hands a message to every subscription it matches. */
  readonly dispatch: (message: BusMessage) => void;
  /** Hands a message to the subscriptions of this very pattern, for a server that sends one copy a pattern. */
  readonly dispatchTo: (pattern: string, message: BusMessage) => void;
  readonly wants: (subject: string) => boolean;
  /** Each pattern once. */
  readonly patterns: () => readonly string[];
};

/** The subscriptions of one bus; tells when a pattern comes into use and when nobody uses it any more. */
export function makeHandlers(on: { readonly used: (pattern: string) => void; readonly unused: (pattern: string) => void }): Handlers {
  const byPattern = new Map<
    string,
    { readonly matches: (subject: string) => boolean; readonly handlers: Set<{ readonly run: Handler }> }
  >();
  let count = 0;
  return {
    subscribe: (pattern, run) => {
      assert(patternOk(pattern), `"${pattern}" is no subject pattern`);
      assert(count < subscriptionsMax, `more than ${subscriptionsMax} subscriptions`);
      // A function may be subscribed twice: each subscription is its own.
      const mine = { run };
      const known = byPattern.get(pattern);
      if (known === undefined) {
        byPattern.set(pattern, { matches: matcher(pattern), handlers: new Set([mine]) });
        on.used(pattern);
      } else known.handlers.add(mine);
      count++;
      return () => {
        const entry = byPattern.get(pattern);
        if (entry === undefined || !entry.handlers.delete(mine)) return;
        count--;
        if (entry.handlers.size > 0) return;
        byPattern.delete(pattern);
        on.unused(pattern);
      };
    },
    dispatch: (message) => {
      for (const { matches, handlers } of byPattern.values())
        if (matches(message.subject)) for (const { run } of handlers) runHandler(run, message);
    },
    dispatchTo: (pattern, message) => {
      for (const { run } of byPattern.get(pattern)?.handlers ?? []) runHandler(run, message);
    },
    wants: (subject) => {
      for (const { matches } of byPattern.values()) if (matches(subject)) return true;
      return false;
    },
    patterns: () => [...byPattern.keys()],
  };
}

/** An error in a handler is a bug: it ends the process as any other, but not in the middle of the bus's own work. */
export function runHandler(run: Handler, message: BusMessage): void {
  try {
    run(message);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** The state of a bus, and who wants to hear of its changes. */
export function makeState(connected: boolean): {
  readonly state: () => BusState;
  readonly watch: (handler: (state: BusState) => void) => () => void;
  readonly set: (connected: boolean) => void;
  readonly drop: (count?: number) => void;
} {
  const watchers = new Set<(state: BusState) => void>();
  let now: BusState = { connected, dropped: 0 };
  return {
    state: () => now,
    watch: (handler) => {
      assert(watchers.size < watchersMax, `more than ${watchersMax} watch the bus`);
      // Wrapped, so that one function may watch twice.
      const mine = (state: BusState): void => handler(state);
      watchers.add(mine);
      return () => watchers.delete(mine);
    },
    set: (next) => {
      if (next === now.connected) return;
      now = { ...now, connected: next };
      for (const watcher of watchers) watcher(now);
    },
    drop: (count = 1) => {
      now = { ...now, dropped: now.dropped + count };
    },
  };
}
