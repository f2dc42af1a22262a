/** A user of the bus: the engine, or the adapter of one target. */
export type BusUser = { readonly role: 'engine' } | { readonly role: 'adapter'; readonly target: string };

/** What NATS lets a user do; everything else is refused. */
export type Permissions = { readonly publish: readonly string[]; readonly subscribe: readonly string[] };

/** The two streams of protocol.md section 7; a bucket is a stream too. */
export const diffStream = 'FLYBALL_DIFF';
export const snapBucket = 'FLYBALL_SNAP';
const snapStream = `KV_${snapBucket}`;
const v1 = 'flyball.v1.';

/**
 * protocol.md section 8 in NATS's words. No adapter may create a consumer: its delivery subject is the creator's choice and is not held
 * against the creator's permissions. So the engine makes one consumer for each target, named as the target.
 */
export const permissionsOf = (user: BusUser): Permissions => (user.role === 'engine' ? engine : adapter(user.target));

/** Where answers to a user's requests go: a prefix nobody else may subscribe to. `_` is in no target's name, so none can be confused. */
export const inboxOf = (user: BusUser): string => (user.role === 'engine' ? '_INBOX_engine' : `_INBOX_adapter_${user.target}`);

/** "engine", "adapter.checkout": as a file and as a person calls it. */
export const userNameOf = (user: BusUser): string => (user.role === 'engine' ? 'engine' : `adapter.${user.target}`);

const engine: Permissions = {
  publish: [
    ...['diff', 'head', 'snapshot', 'override'].map((kind) => `${v1}${kind}.>`),
    `$KV.${snapBucket}.>`,
    '$JS.API.INFO',
    // Neither deleted nor purged: they forget by their own limits.
    ...[diffStream, snapStream].flatMap((stream) => ['CREATE', 'UPDATE', 'INFO'].map((verb) => `$JS.API.STREAM.${verb}.${stream}`)),
    `$JS.API.CONSUMER.CREATE.${diffStream}.>`,
    `$JS.API.CONSUMER.INFO.${diffStream}.*`,
    `$JS.API.CONSUMER.DELETE.${diffStream}.*`,
  ],
  subscribe: [...['announce', 'ack', 'record'].map((kind) => `${v1}${kind}.>`), `${inboxOf({ role: 'engine' })}.>`],
};

function adapter(target: string): Permissions {
  return {
    publish: [
      ...['announce', 'ack', 'record'].map((kind) => `${v1}${kind}.${target}`),
      `$JS.API.CONSUMER.INFO.${diffStream}.${target}`,
      `$JS.API.CONSUMER.MSG.NEXT.${diffStream}.${target}`,
      `$JS.ACK.${diffStream}.${target}.>`,
      `$JS.API.DIRECT.GET.${snapStream}.$KV.${snapBucket}.${target}.>`,
    ],
    subscribe: [
      ...['diff', 'head', 'snapshot', 'override'].map((kind) => `${v1}${kind}.${target}`),
      `${v1}override.all`,
      `${inboxOf({ role: 'adapter', target })}.>`,
    ],
  };
}
