import { grantAbove, sameInstance } from '../publish/messages.ts';
import type { Grant, Instance, Snapshot } from '../publish/messages.ts';
import { answered } from './ask.ts';
import { refuse } from './tell.ts';
import type { Turn } from './types.ts';

/** True when the snapshot answers the one announce that is outstanding and names this instance; its nonce is then used up. */
export function useNonce(turn: Turn, snapshot: Snapshot): boolean {
  const { hold } = turn;
  if (hold.ask.nonce === null || snapshot.nonce !== hold.ask.nonce) {
    refuse(turn, 'nonce', 'a snapshot that this adapter is not waiting for');
    return false;
  }
  if (!sameInstance(snapshot.instance, hold.options.instance)) {
    refuse(turn, 'instance', `a snapshot for ${snapshot.instance.adapter}, boot ${snapshot.instance.boot}`);
    return false;
  }
  answered(hold);
  if (hold.grant === null || grantAbove(snapshot.grant, hold.grant)) {
    if (sameInstance(snapshot.grant.instance, hold.options.instance)) hold.grant = snapshot.grant;
  }
  return true;
}

/** A grant of another adapter above our own; one that names an earlier boot of ours is only late (protocol.md section 5.9). */
export const isSuperseded = ({ hold }: Turn, grant: Grant): boolean =>
  hold.grant !== null && grant.instance.adapter !== hold.options.instance.adapter && grantAbove(grant, hold.grant);

export function onClosed(turn: Turn, instance: Instance): void {
  if (sameInstance(instance, turn.hold.options.instance)) stop(turn);
}

export function stop({ hold, out }: Turn): void {
  hold.stopped = true;
  out.push({ kind: 'stop', reason: 'superseded' });
}
