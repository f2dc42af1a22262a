import { bootWaitMs, deviceSlowMs, headLostMs, headLostSpreadMs, holdQueueMax } from '../limits.ts';
import { askDue, noAsk, want, wantAnew } from './ask.ts';
import { engineTime, startClock } from './clock.ts';
import { begin, onApplied, onSaved, reapply } from './job.ts';
import { due } from './lease.ts';
import { modeAt, mergeOverrides, ruled } from './override.ts';
import { queue, receive, takeStored } from './receive.ts';
import { announce, refuse, tellStatus } from './tell.ts';
import type { Effect, Hold, HoldFile, HoldOptions, Input, Turn } from './types.ts';
import { verify } from './verify.ts';

/** The adapter of one target, before `start`. A device that cannot deny cannot be closed: then `onEmpty` is open, and the status says so. */
export function createHold(given: HoldOptions): Hold {
  const options: HoldOptions = given.capabilities.actions.includes('deny') ? given : { ...given, onEmpty: 'open' };
  const { target, instance, wallMs, monoMs } = options;
  const before = options.file;
  const file: HoldFile = {
    v: 1,
    target,
    fence: 0,
    held: null,
    ended: [],
    overrides: [],
    lifted: [],
    mode: null,
    graceUntil: null,
    older: [],
    time: 0,
    ...before,
    keySet: null,
    adapter: instance.adapter,
    boot: instance.boot,
  };
  return {
    options,
    sees: options.sees,
    file,
    dirty: false,
    dirtyDueMs: monoMs,
    overridden: false,
    job: null,
    queue: [],
    asked: [],
    clock: startClock(wallMs, monoMs, file.time),
    ask: noAsk,
    grant: null,
    heardMs: monoMs,
    heardIssued: 0,
    issued: 0,
    stored: null,
    startMs: monoMs,
    inForce: false,
    applyDueMs: null,
    refused: null,
    answeredMs: new Map(),
    acceptedMs: Number.NEGATIVE_INFINITY,
    counts: new Map(),
    leaves: new WeakMap(),
    slowSaid: false,
    stopped: false,
    status: null,
  };
}

/**
 * One input at one instant; what is to be done comes back in order. Changes `hold` in place. Deterministic: the same options, inputs and
 * instants give the same effects.
 * @param nowMs own monotonic clock in ms; never goes back.
 */
export function step(hold: Hold, input: Input, nowMs: number): readonly Effect[] {
  if (hold.stopped) return [];
  const turn: Turn = { hold, nowMs, out: [] };
  take(turn, input);
  settle(turn);
  return turn.out;
}

function take(turn: Turn, input: Input): void {
  const { hold, nowMs } = turn;
  switch (input.kind) {
    case 'start':
      return begin(turn, 'start', hold.file, null);
    case 'message': {
      const message = verify(turn, input.channel, input);
      if (message === null) return;
      return hold.job === null ? receive(turn, message) : queue(turn, message);
    }
    case 'stored':
      hold.stored = verify(turn, 'snapshot', input);
      return;
    case 'override':
    case 'lift':
      if (hold.asked.length < holdQueueMax) hold.asked.push(input);
      else refuse(turn, 'queue-full', `${holdQueueMax} wait while a table is applied`);
      return;
    case 'tick':
      return tick(turn);
    case 'connected':
      return wantAnew(hold, nowMs, headLostSpreadMs);
    case 'saved':
      return onSaved(turn, input.ok);
    case 'applied':
      return onApplied(turn, input.rejected);
    case 'reapply':
      if (hold.file.held !== null) hold.applyDueMs = nowMs;
      return;
    case 'sees':
      hold.sees = input.sees;
      want(hold, nowMs);
  }
}

function tick(turn: Turn): void {
  const { hold, nowMs } = turn;
  if (nowMs - hold.heardMs > headLostMs) want(hold, nowMs, headLostSpreadMs);
  if (hold.job === null || hold.slowSaid || nowMs - hold.job.sinceMs <= deviceSlowMs) return;
  hold.slowSaid = true;
  refuse(turn, 'slow', `the ${hold.job.phase === 'apply' ? 'device' : 'disk'} has not answered for ${deviceSlowMs} ms`);
}

/** What is to be done now that the input is taken: queued messages in order, then lease ends, then what waits for the disk or the device. */
function settle(turn: Turn): void {
  const { hold, nowMs } = turn;
  while (hold.job === null && !hold.stopped) {
    const asked = hold.asked.shift();
    const message = asked === undefined ? hold.queue.shift() : undefined;
    if (asked?.kind === 'override') mergeOverrides(turn, [asked.override], []);
    else if (asked?.kind === 'lift') mergeOverrides(turn, [], asked.ids ?? hold.file.overrides.map(({ id }) => id));
    else if (message !== undefined) receive(turn, message);
    else if (!startNext(turn)) break;
  }
  if (hold.stopped) return;
  // A start is announced once its boot number is on disk; a gap while a table is on its way may close by itself.
  if (hold.job === null || hold.job.phase === 'apply') {
    if (askDue(hold, nowMs) && hold.ask.nonce !== null) announce(turn, hold.ask.nonce);
  }
  tellStatus(turn);
}

/** An override counts from here on, or no more. */
function beginOverride(turn: Turn, timeMs: number): void {
  const { hold } = turn;
  hold.overridden = false;
  begin(turn, 'override', ruled(hold.file, timeMs), null);
}

/** Begins the most urgent change that is due; false when there is none. */
function startNext(turn: Turn): boolean {
  const { hold, nowMs } = turn;
  const time = engineTime(hold.clock, nowMs);
  if (hold.overridden || modeAt(hold.file, time) !== hold.file.mode) beginOverride(turn, time);
  else if (due(hold.file, time).length > 0) begin(turn, 'end', hold.file, null);
  else if (hold.applyDueMs !== null && nowMs >= hold.applyDueMs) reapply(turn);
  else if (hold.dirty && nowMs >= hold.dirtyDueMs) begin(turn, 'note', hold.file, null);
  else if (hold.stored !== null && hold.file.held === null && nowMs - hold.startMs >= bootWaitMs) {
    const stored = hold.stored;
    hold.stored = null;
    takeStored(turn, stored);
  } else return false;
  return true;
}
