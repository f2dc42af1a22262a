import { createHash } from 'node:crypto';
import type { Entry } from '../../src/model/table.ts';
import type { AuditEntry, RevisionRow, TargetRow } from '../../src/ports/store.ts';

/** The revision that follows what a target has, with some entries. The store does not look inside: hashes need only differ. */
export function rowAfter(
  own: TargetRow,
  { epoch, entries, table = 1 }: { readonly epoch: number; readonly entries: number; readonly table?: number },
): RevisionRow {
  const revision = own.revision + 1;
  const list = Array.from({ length: entries }, (_, i): Entry => {
    const id = createHash('sha256').update(`${own.name} ${revision} ${i}`).digest('hex').slice(0, 32);
    const owner = { rule: 'r', revision: 1, key: '{"destination.instance":"c3"}' };
    return {
      id,
      stage: 'admit',
      priority: 500,
      match: { 'request.path': [{ in: ['\u0000"\\'] }] },
      action: { kind: 'allow' },
      owner,
      part: 0,
      until: null,
    };
  });
  const bytes = createHash('sha512').update(`${own.name} ${revision} ${epoch} ${entries}`).digest();
  return {
    target: own.name,
    revision,
    epoch,
    table,
    base: own.revision,
    baseHash: own.hash,
    hash: bytes.toString('hex').slice(0, 64),
    entries: list,
    bytes: new Uint8Array(bytes),
    keyId: 'k1',
    signature: bytes.toString('base64url'),
    at: 1_700_000_000_000.5 + revision,
  };
}

export const auditOf = (some: Partial<AuditEntry>): AuditEntry => ({
  id: 0,
  at: 1,
  kind: 'engine',
  target: null,
  rule: null,
  revision: null,
  key: null,
  entries: [],
  body: {},
  ...some,
});
