import { targetName } from '../../model/target.ts';

/** Kinds of message, also the domains of their signatures; `closed` travels on the subject of `head`, `lift` on that of `override`. */
export type SignedKind = 'diff' | 'head' | 'snapshot' | 'closed' | 'override' | 'lift';
export type Channel = 'diff' | 'head' | 'snapshot' | 'override' | 'announce' | 'ack' | 'record';
/** What an adapter hears. */
export type DownChannel = 'diff' | 'head' | 'snapshot' | 'override';
export const downChannels: readonly DownChannel[] = ['diff', 'head', 'snapshot', 'override'];
/** `override.all` is heard by every adapter; so no target may be called that. */
export const everyTarget = 'all';

const prefix = 'flyball.v1.';
const channels: readonly Channel[] = [...downChannels, 'announce', 'ack', 'record'];

/** What may travel on a channel: a signature is checked for each of these, so the kind is known by the signature alone. */
export const kindsOn: Readonly<Record<DownChannel, readonly SignedKind[]>> = {
  diff: ['diff'],
  head: ['head', 'closed'],
  snapshot: ['snapshot'],
  override: ['override', 'lift'],
};

/** Names of the NATS headers of a signed message (protocol.md section 2). */
export const keyHeader = 'Flyball-Key';
export const signatureHeader = 'Flyball-Sig';

export const subjectOf = (channel: Channel, target: string): string => `${prefix}${channel}.${target}`;

/** Every target's, for the engine's subscriptions. */
export const everySubject = (channel: Channel): string => `${prefix}${channel}.*`;

/** Channel and target of a subject of ours, else null. */
export function parseSubject(subject: string): { readonly channel: Channel; readonly target: string } | null {
  if (!subject.startsWith(prefix)) return null;
  const [name = '', target = '', ...rest] = subject.slice(prefix.length).split('.');
  const channel = channels.find((c) => c === name);
  return channel === undefined || rest.length > 0 || !targetName.test(target) ? null : { channel, target };
}
