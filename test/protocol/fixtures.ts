import { createHash } from 'node:crypto';
import { canon } from '../../src/model/canon.ts';
import type { Action, Entry, Match } from '../../src/model/table.ts';
import { stageOf } from '../../src/model/table.ts';
import type { Capabilities } from '../../src/model/target.ts';
import type { Verify } from '../../src/core/publish/proof.ts';
import { signedBytes } from '../../src/core/publish/bytes.ts';
import type { SignedKind } from '../../src/core/publish/subjects.ts';

export const capabilities: Capabilities = {
  actions: ['allow', 'deny', 'respond', 'limit', 'split', 'route', 'avoid', 'mirror', 'set'],
  fields: ['destination.service', 'request.path', 'request.headers'],
  tests: ['present', 'in', 'notIn', 'range', 'cidr', 'prefix', 'suffix', 'contains', 'regex'],
  entriesMax: 1_000,
  atomic: true,
  costNs: 1_000,
};

/** An entry whose id is made of all but `until`, as the planner makes them. */
export function entryOf(fields: {
  readonly match: Match;
  readonly action: Action;
  readonly key: string;
  readonly until: number | null;
}): Entry {
  const { match, action, key, until } = fields;
  const body = {
    stage: stageOf[action.kind],
    priority: 100,
    match,
    action,
    owner: { rule: 'gray-failure', revision: 1, key: canon({ 'destination.instance': key }) },
    part: 0,
  };
  return { id: createHash('sha256').update(canon(body)).digest('hex').slice(0, 32), ...body, until };
}

/** The n-th of a family of entries. */
export const avoid = (n: number, until: number | null): Entry =>
  entryOf({
    match: { 'destination.service': [{ in: ['checkout'] }] },
    action: { kind: 'avoid', on: 'instance', value: `c${n}`, ppm: 990_000, floorPpm: 600_000 },
    key: `c${n}`,
    until,
  });

export const byId = (entries: readonly Entry[]): readonly Entry[] => [...entries].sort((a, b) => (a.id < b.id ? -1 : 1));

/** Stands for Ed25519 where thousands of seeds are run: nobody without `secret` makes one. */
export const fakeSign =
  (secret: string) =>
  (kind: SignedKind, payload: Uint8Array): string =>
    createHash('sha256').update(secret).update(signedBytes(kind, payload)).digest('base64url');

export const fakeVerify =
  (keyId: string, secret: string): Verify =>
  (kind, payload, key, signature) =>
    key === keyId && fakeSign(secret)(kind, payload) === signature;
