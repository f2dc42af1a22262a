import { applyOps } from '../../model/diff.ts';
import { ackEveryMs, headLostSpreadMs, holdQueueMax, skewMaxMs, storedAgeMaxMs } from '../limits.ts';
import { tableHash } from '../publish/bytes.ts';
import { sameInstance } from '../publish/messages.ts';
import type { Diff, Head, Lift, Snapshot } from '../publish/messages.ts';
import { adopt, confirm, raiseFence } from './adopt.ts';
import { want } from './ask.ts';
import { engineTime, readTime } from './clock.ts';
import { isSuperseded, onClosed, stop, useNonce } from './grant.ts';
import { isOverridden, mergeOverrides } from './override.ts';
import { ack, ackSeldom, refuse } from './tell.ts';
import type { About, Turn, Verified } from './types.ts';

/** What a verified message does when no table is on its way to the device. */
export function receive(turn: Turn, message: Verified): void {
  if (message.kind === 'closed') return onClosed(turn, message.message.instance);
  if (message.kind === 'override') return mergeOverrides(turn, [message.message.override], []);
  if (message.kind === 'lift') return onLift(turn, message.message);
  const { hold } = turn;
  const { epoch, revision, hash } = message.message;
  if (epoch < hold.file.fence) {
    refuse(turn, 'epoch', `a ${message.kind} of epoch ${epoch}, behind ${hold.file.fence}`);
    if (message.kind === 'diff') return;
    return ackSeldom(turn, 'ahead', { epoch, revision, hash });
  }
  raiseFence(turn, epoch);
  if (message.kind === 'head' && message.message.issued < hold.issued) return refuse(turn, 'stale', 'a head that newer messages overtook');
  // Not by a snapshot that nobody asked for: onSnapshot does it.
  if (message.kind !== 'snapshot') hold.issued = Math.max(hold.issued, message.message.issued);
  if (message.kind === 'diff') return onDiff(turn, message.message, message);
  if (message.kind === 'head') return onHead(turn, message.message, message);
  onSnapshot(turn, message.message, message);
}

/** Without an epoch of this term or a later one it is a former leader's word. */
function onLift(turn: Turn, { epoch, lifted }: Lift): void {
  if (epoch < turn.hold.file.fence) return refuse(turn, 'epoch', `a lift of epoch ${epoch}, behind ${turn.hold.file.fence}`);
  mergeOverrides(turn, [], lifted);
}

/** Keeps a message that came while a table is on its way; when there are too many it is asked for instead. */
export function queue(turn: Turn, message: Verified): void {
  const { hold, nowMs } = turn;
  if (hold.queue.length < holdQueueMax) return void hold.queue.push(message);
  refuse(turn, 'queue-full', `${holdQueueMax} messages wait while a table is applied`);
  want(hold, nowMs);
}

function onDiff(turn: Turn, diff: Diff, verified: Verified): void {
  const { hold, nowMs } = turn;
  const { held } = hold.file;
  const about = aboutOf(diff);
  keepTime(turn, { issued: diff.issued, atMs: verified.atMs, roundTripMs: null }, about);
  if (held !== null && diff.revision <= held.revision) {
    if (diff.revision === held.revision && diff.hash === held.hash && hold.inForce) return ack(turn, 'accepted', about);
    const reason = diff.revision === held.revision && diff.hash !== held.hash ? 'fork' : 'old-revision';
    return refuse(turn, reason, `a diff to revision ${diff.revision}, ${held.revision} is held`);
  }
  if (held !== null && isOverridden(hold.file, engineTime(hold.clock, nowMs))) return ackSeldom(turn, 'frozen', about);
  const gap = (reason: string, what: string) => {
    refuse(turn, reason, what);
    ackSeldom(turn, 'gap', about);
    want(hold, nowMs);
  };
  if (held === null) return gap('base', `a diff from revision ${diff.base}, nothing is held`);
  if (diff.base !== held.revision) return gap('base', `a diff from revision ${diff.base}, ${held.revision} is held`);
  if (diff.baseHash !== held.hash) return gap('base-hash', `a diff from another revision ${diff.base} than the one held`);
  const result = applyOps(held.entries, diff.ops);
  if (!result.ok) return gap('ops', result.problem.what);
  if (tableHash(hold.options.target, result.value, hold.leaves) !== diff.hash)
    return gap('hash', `the diff to revision ${diff.revision} gives another table`);
  adopt(turn, about, result.value, { verified, provisional: held.provisional });
}

function onSnapshot(turn: Turn, snapshot: Snapshot, verified: Verified): void {
  const { hold, nowMs } = turn;
  const { held } = hold.file;
  const about = aboutOf(snapshot);
  const roundTripMs = verified.atMs - hold.ask.sentMs;
  if (!useNonce(turn, snapshot)) return;
  // Fresh beyond doubt: from here on the engine's clock counts again, even if it was set back.
  hold.issued = snapshot.issued;
  hear(turn, snapshot.issued, verified.atMs);
  keepTime(turn, { issued: snapshot.issued, atMs: verified.atMs, roundTripMs }, about);
  if (isSuperseded(turn, snapshot.grant)) return stop(turn);
  mergeOverrides(turn, snapshot.overrides, snapshot.lifted);
  // Its time and grant, and nothing of its table.
  if (held !== null && isOverridden(hold.file, engineTime(hold.clock, nowMs))) return ack(turn, 'frozen', about);
  if (held !== null && snapshot.revision < held.revision) return ack(turn, 'ahead', about);
  if (held !== null && snapshot.revision === held.revision && snapshot.hash !== held.hash) return ack(turn, 'fork', about);
  if (tableHash(hold.options.target, snapshot.entries, hold.leaves) !== snapshot.hash) {
    refuse(turn, 'hash', `the snapshot of revision ${snapshot.revision} holds another table`);
    return want(hold, nowMs);
  }
  if (held === null || snapshot.revision > held.revision) {
    return adopt(turn, about, snapshot.entries, { verified, provisional: false });
  }
  confirm(turn, { ...held, epoch: held.epoch, provisional: false });
  if (hold.inForce) return ack(turn, 'accepted', about);
  adopt(turn, about, snapshot.entries, { verified, provisional: false });
}

function onHead(turn: Turn, head: Head, verified: Verified): void {
  const { hold, nowMs } = turn;
  const { held } = hold.file;
  const about = aboutOf(head);
  keepTime(turn, { issued: head.issued, atMs: verified.atMs, roundTripMs: null }, about);
  // The same head once more is no sign of life.
  if (head.issued > hold.heardIssued) hear(turn, head.issued, verified.atMs);
  if (head.grant !== null && isSuperseded(turn, head.grant)) return stop(turn);
  mergeOverrides(turn, head.overrides, head.lifted);
  if (held !== null && head.revision < held.revision) {
    refuse(turn, 'ahead', `the engine is at revision ${head.revision}, ${held.revision} is held`);
    return ackSeldom(turn, 'ahead', about);
  }
  if (held !== null && head.revision === held.revision && head.hash !== held.hash) {
    refuse(turn, 'fork', `the engine has another revision ${head.revision} than the one held`);
    return ackSeldom(turn, 'fork', about);
  }
  if (held !== null && head.revision === held.revision) {
    // The shortest proof there is; on disk with the next save.
    hold.file = { ...hold.file, held: { ...held, proof: verified.proof } };
    if (hold.inForce && nowMs - hold.acceptedMs >= ackEveryMs) ack(turn, 'accepted', about);
    if (!hold.inForce && hold.refused !== null) ackSeldom(turn, 'rejected', about, hold.refused.entries);
  } else if (hold.refused !== null && hold.refused.revision === head.revision && hold.refused.hash === head.hash) {
    ackSeldom(turn, 'rejected', { ...about, epoch: hold.refused.epoch }, hold.refused.entries);
  } else if (held === null || !isOverridden(hold.file, engineTime(hold.clock, nowMs))) {
    want(hold, nowMs);
  }
  // An engine that does not name us does not know us: it was started anew.
  if (head.grant === null || !sameInstance(head.grant.instance, hold.options.instance)) want(hold, nowMs, headLostSpreadMs);
}

/** A stored snapshot, when nobody answered in time: no nonce, but signed, for this target and not old (protocol.md section 5.10). */
export function takeStored(turn: Turn, verified: Verified): void {
  const { hold, nowMs } = turn;
  if (verified.kind !== 'snapshot') return;
  const { message } = verified;
  const age = engineTime(hold.clock, nowMs) - message.issued;
  if (message.epoch < hold.file.fence) return refuse(turn, 'epoch', `a stored snapshot of epoch ${message.epoch}`);
  if (age > storedAgeMaxMs || age < -skewMaxMs) return refuse(turn, 'stored-age', `a stored snapshot that is ${age} ms old`);
  if (tableHash(hold.options.target, message.entries) !== message.hash) return refuse(turn, 'hash', 'a stored snapshot of another table');
  raiseFence(turn, message.epoch);
  adopt(turn, aboutOf(message), message.entries, { verified, provisional: true });
}

function hear({ hold }: Turn, issued: number, atMs: number): void {
  hold.heardIssued = issued;
  hold.heardMs = Math.max(hold.heardMs, atMs);
}

function keepTime(turn: Turn, reading: Parameters<typeof readTime>[1], about: About): void {
  const { hold } = turn;
  const { clock, skewed } = readTime(hold.clock, reading);
  hold.clock = clock;
  if (skewed === null) return;
  refuse(turn, 'clock', `the engine's clock is ${Math.round(skewed)} ms from this one's`);
  ackSeldom(turn, 'clock', about);
}

const aboutOf = ({ epoch, revision, hash }: About): About => ({ epoch, revision, hash });
