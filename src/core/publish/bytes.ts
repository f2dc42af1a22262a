import { createHash } from 'node:crypto';
import { canon, tryCanon } from '../../model/canon.ts';
import { fail, ok } from '../../model/problem.ts';
import type { Problem, Result } from '../../model/problem.ts';
import type { Entry, Table } from '../../model/table.ts';
import { messageBytesMax } from '../limits.ts';
import type { SignedKind } from './subjects.ts';

const utf8 = new TextEncoder();

/** By entry object: a table whose entries are mostly the same objects is hashed again without reading them again. */
export type Leaves = WeakMap<Entry, Leaf>;

/** SHA-256 of an entry in its RFC 8785 form, and the length of that form in bytes. */
type Leaf = { readonly hash: Uint8Array; readonly bytes: number };

/** What a signature covers (protocol.md section 2): "flyball/v1/" + kind + "\n" + payload. Kinds never share bytes. */
export function signedBytes(kind: SignedKind, payload: Uint8Array): Uint8Array {
  const domain = utf8.encode(`flyball/v1/${kind}\n`);
  const bytes = new Uint8Array(domain.length + payload.length);
  bytes.set(domain, 0);
  bytes.set(payload, domain.length);
  return bytes;
}

/** The canonical bytes of a message of ours. Throws for what JSON cannot say canonically: a programmer's error. */
export const encode = (message: object): Uint8Array => utf8.encode(canon(message));

/** Length of the canonical form in bytes. */
export const bytesOf = (value: unknown): number => Buffer.byteLength(canon(value), 'utf8');

export function entryLeaf(entry: Entry, leaves: Leaves = new WeakMap()): Leaf {
  const known = leaves.get(entry);
  if (known !== undefined) return known;
  const text = Buffer.from(canon(entry), 'utf8');
  const leaf = { hash: createHash('sha256').update('flyball/entry/v1\n').update(text).digest(), bytes: text.length };
  leaves.set(entry, leaf);
  return leaf;
}

/** Length in bytes of a table as a message holds it. */
export const tableBytes = (table: Table, leaves: Leaves): number =>
  table.reduce((sum, entry) => sum + entryLeaf(entry, leaves).bytes + 1, 2);

/**
 * The hash of one target's table, 64 lower-case hex digits. The target is inside, or all empty tables would be equal.
 * @param table ordered by entry id, as every Table.
 */
export function tableHash(target: string, table: Table, leaves: Leaves = new WeakMap()): string {
  const hash = createHash('sha256').update(`flyball/table/v1\n${target}\n`, 'utf8');
  for (const entry of table) hash.update(entryLeaf(entry, leaves).hash);
  return hash.digest('hex');
}

/**
 * Reads a payload that must be its own RFC 8785 form (protocol.md section 2). Refused: more than 512 KiB, bytes that are not UTF-8, a byte
 * order mark, duplicate keys, spaces, -0, numbers that are not safe integers, lone surrogates, `__proto__`, more than 16 levels.
 */
export function parsePayload(payload: Uint8Array): Result<unknown> {
  if (payload.length > messageBytesMax) return fail(problem('E-SIZE', `a message of ${payload.length} bytes`));
  let value: unknown;
  try {
    // Without ignoreBOM the mark would vanish here, and bytes that are not the canonical ones would pass for them.
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload));
  } catch (error) {
    return fail(problem('E-CANON', `not JSON: ${error instanceof Error ? error.message.slice(0, 100) : 'unreadable'}`));
  }
  const same = tryCanon(value, 'message');
  if (!same.ok) return same;
  return Buffer.from(same.value, 'utf8').equals(payload) ? ok(value) : fail(problem('E-CANON', 'not in canonical form'));
}

const problem = (code: 'E-SIZE' | 'E-CANON', what: string): Problem => ({
  code,
  what,
  at: 'message',
  todo: 'nothing was changed; look for a sender that is not Flyball, or is damaged',
});
