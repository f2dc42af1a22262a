import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { avoid, byId } from '../../../test/protocol/fixtures.ts';
import { canon } from '../../model/canon.ts';
import { entryLeaf, parsePayload, signedBytes, tableBytes, tableHash } from './bytes.ts';

const sha = (...parts: readonly (string | Uint8Array)[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const table = byId([avoid(1, null), avoid(2, 1_700_000_000_000), avoid(3, null)]);

describe('bytes of protocol.md section 2', () => {
  test('what is signed is the domain, the kind and the payload, and kinds never share bytes', () => {
    expect(Buffer.from(signedBytes('diff', Buffer.from('{}'))).toString('utf8')).toBe('flyball/v1/diff\n{}');
  });

  test('an entry leaf and a table hash, written apart from the code', () => {
    for (const entry of table) expect(Buffer.from(entryLeaf(entry).hash)).toEqual(sha('flyball/entry/v1\n', canon(entry)));
    const leaves = table.map((entry) => sha('flyball/entry/v1\n', canon(entry)));
    expect(tableHash('side-1', table)).toBe(sha('flyball/table/v1\nside-1\n', ...leaves).toString('hex'));
  });

  test('golden: these hashes change only with the major version', () => {
    expect(tableHash('side-1', [])).toBe('a5c0b18ec5638c47f8a85fb9796dbb5930a883415165f5247172114087d1a0fb');
    expect(tableHash('side-1', table)).toBe('9ca4662de3f12ea2b29dbd4854698ddea5b6567c0f7db1aaeffd4746e44ceaf6');
  });

  test('target, order of leaves and until are all in the hash', () => {
    const hash = tableHash('side-1', table);
    expect(tableHash('side-2', table)).not.toBe(hash);
    expect(tableHash('side-1', [...table].reverse())).not.toBe(hash);
    expect(tableHash('side-1', byId([avoid(1, 5), avoid(2, 1_700_000_000_000), avoid(3, null)]))).not.toBe(hash);
    expect(tableHash('side-1', [])).not.toBe(tableHash('side-2', []));
  });

  test('remembered leaves give the same hash', () => {
    const leaves = new WeakMap();
    expect(tableHash('side-1', table, leaves)).toBe(tableHash('side-1', table));
    expect(tableHash('side-1', table.slice(1), leaves)).toBe(tableHash('side-1', table.slice(1)));
    expect(tableBytes(table, leaves)).toBe(canon(table).length + 1);
  });

  test('exactly 512 KiB may pass, one byte more may not', () => {
    const text = (n: number): Uint8Array => Buffer.from(JSON.stringify('x'.repeat(n - 2)));
    expect(parsePayload(text(512 * 1024)).ok).toBe(true);
    expect(parsePayload(text(512 * 1024 + 1))).toMatchObject({ ok: false, problem: { code: 'E-SIZE' } });
  });

  test('sixteen levels may pass, seventeen may not', () => {
    const deep = (n: number): Uint8Array => Buffer.from('['.repeat(n) + ']'.repeat(n));
    expect(parsePayload(deep(16)).ok).toBe(true);
    expect(parsePayload(deep(17)).ok).toBe(false);
  });
});
