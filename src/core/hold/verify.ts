import { messageBytesMax } from '../limits.ts';
import { parsePayload } from '../publish/bytes.ts';
import { decodeSigned } from '../publish/messages.ts';
import { everyTarget, kindsOn } from '../publish/subjects.ts';
import type { DownChannel } from '../publish/subjects.ts';
import { refuse } from './tell.ts';
import type { SignedInput, Turn, Verified } from './types.ts';

/** Step 1 of protocol.md section 5: drops what fails size, signature, canonical form, shape or target; counted, and nothing changes. */
export function verify(turn: Turn, channel: DownChannel, input: SignedInput): Verified | null {
  const { hold, nowMs } = turn;
  const { payload, key, signature } = input;
  const drop = (reason: string, what: string) => {
    refuse(turn, reason, what);
    return null;
  };
  if (payload.length > messageBytesMax) return drop('size', `a ${channel} of ${payload.length} bytes`);
  const kind = kindsOn[channel].find((k) => hold.options.verify(k, payload, key, signature));
  if (kind === undefined) return drop('signature', `a ${channel} that no key of the engine has signed`);
  const value = parsePayload(payload);
  if (!value.ok) return drop('not-canonical', value.problem.what);
  const decoded = decodeSigned(kind, value.value);
  if (!decoded.ok) return drop('malformed', `${decoded.problem.at}: ${decoded.problem.what}`);
  const { target } = decoded.value.message;
  const isForAll = target === everyTarget && channel === 'override';
  if (target !== hold.options.target && !isForAll) return drop('target', `a ${kind} for ${target}`);
  // What proves nothing is never kept as a proof.
  const proofKind = kind === 'diff' || kind === 'snapshot' ? kind : 'head';
  return { ...decoded.value, proof: { kind: proofKind, key, signature, payload: Buffer.from(payload).toString('utf8') }, atMs: nowMs };
}
