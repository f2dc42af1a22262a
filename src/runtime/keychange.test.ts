import { existsSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { generateKeyPairSync } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readKeySet } from '../core/publish/keyset.ts';
import { engineKeys, readRoot, readVerifier } from './keys.ts';
import { listKeys, revokeKey, rotateKeys } from './keys/change.ts';

const nowMs = Date.now();
const payload = Buffer.from('{"v":1}');
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flyball-keys-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const opened = () => {
  const keys = engineKeys(folder);
  if (!keys.ok) throw new Error(keys.problem.what);
  return keys.value;
};
const list = () => {
  const keys = listKeys(folder, nowMs);
  if (!keys.ok) throw new Error(keys.problem.what);
  return keys.value;
};

test('a home of before: its one key is version 1, and what it signed verifies still', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  writeFileSync(join(folder, 'engine.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  writeFileSync(join(folder, 'engine.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
  const before = readVerifier(folder);
  const { signer } = opened();
  expect(list()).toMatchObject({ version: 1, keys: [{ id: signer.keyId, from: 0, to: null, here: true }] });
  expect(before.ok && before.value.verify('head', payload, signer.keyId, signer.sign('head', payload))).toBe(true);
  expect(before.ok && before.value.root).toBe(null);
});

test('what the files say is what core reads under the pinned root, and under no other', () => {
  const { signer, ring } = opened();
  const made = rotateKeys(folder, nowMs, null);
  expect(made.ok && statSync(join(folder, `${made.value.id}.key`)).mode & 0o777).toBe(0o600);
  const { ring: again, signer: next } = opened();
  const clock = { now: () => 0, monotonic: () => 0, after: () => () => undefined, each: () => () => undefined };
  const { signed, own } = again({ clock, say: () => undefined }).now();
  expect(ring({ clock, say: () => undefined }).now().own).toEqual([signer.keyId]);
  const verifier = readRoot(join(folder, 'root.pub'));
  const trust = verifier.ok ? verifier.value.root : null;
  if (trust == null || !made.ok) throw new Error('no root');
  const set = readKeySet(signed, trust);
  expect(set).toEqual(made.value.set);
  expect([...own].toSorted()).toEqual(set?.keys.map(({ id }) => id).toSorted());
  // The oldest begins; both can sign.
  expect(next.keyId).toBe(signer.keyId);
  for (const key of set?.keys ?? []) expect(trust.signedBy(key.public, 'diff', payload, next.sign('diff', payload, key.id))).toBe(true);
  const other = mkdtempSync(join(tmpdir(), 'flyball-keys-'));
  engineKeys(other);
  const foreign = readRoot(join(other, 'root.pub'));
  expect(foreign.ok && foreign.value.root != null && readKeySet(signed, foreign.value.root)).toBe(null);
  rmSync(other, { recursive: true });
});

test('without the root key it says what it needs; with it elsewhere it goes', () => {
  const { signer } = opened();
  const away = `${folder}.root`;
  renameSync(join(folder, 'root.key'), away);
  expect(rotateKeys(folder, nowMs, null)).toMatchObject({
    ok: false,
    problem: { code: 'E-KEY-ROOT', todo: expect.stringContaining('--root FILE') },
  });
  expect(list()).toMatchObject({ version: 1, root: { here: false } });
  // The engine itself does not need it, and makes no other.
  expect(opened().signer.keyId).toBe(signer.keyId);
  expect(existsSync(join(folder, 'root.key'))).toBe(false);
  expect(rotateKeys(folder, nowMs, away).ok).toBe(true);
  writeFileSync(join(folder, 'another.pem'), generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }), {
    mode: 0o600,
  });
  expect(rotateKeys(folder, nowMs, join(folder, 'another.pem'))).toMatchObject({ ok: false, problem: { code: 'E-KEY-ROOT' } });
  rmSync(away);
});

test('a revoked key is gone with its private half; the last one cannot be revoked, and the one that is left does not end', () => {
  const { signer } = opened();
  expect(revokeKey(folder, signer.keyId, nowMs, null)).toMatchObject({ ok: false, problem: { code: 'E-KEY-LAST' } });
  expect(revokeKey(folder, 'f'.repeat(16), nowMs, null)).toMatchObject({ ok: false, problem: { code: 'E-KEY-NONE' } });
  const made = rotateKeys(folder, nowMs, null);
  if (!made.ok) throw new Error(made.problem.what);
  expect(list().keys[0]?.to).toBeGreaterThan(nowMs);
  expect(revokeKey(folder, made.value.id, nowMs, null).ok).toBe(true);
  expect(list()).toMatchObject({ version: 3, keys: [{ id: signer.keyId, to: null }] });
  expect(existsSync(join(folder, `${made.value.id}.key`))).toBe(false);
  const second = rotateKeys(folder, nowMs, null);
  expect(revokeKey(folder, signer.keyId, nowMs, null).ok).toBe(true);
  expect([existsSync(join(folder, 'engine.key')), existsSync(join(folder, 'engine.pub'))]).toEqual([false, false]);
  expect(second.ok && opened().signer.keyId === second.value.id).toBe(true);
});

test('a running engine reads them again, and goes on with what it has when they are damaged', () => {
  let look = (): void => undefined;
  const clock = {
    now: () => 0,
    monotonic: () => 0,
    after: () => () => undefined,
    each: (_ms: number, run: () => void) => ((look = run), () => undefined),
  };
  const said: string[] = [];
  const ring = opened().ring({ clock, say: (text) => void said.push(text) });
  let changes = 0;
  ring.watch(() => void changes++);
  look();
  expect(changes).toBe(0);
  rotateKeys(folder, nowMs, null);
  look();
  look();
  expect([changes, ring.now().own.length]).toEqual([1, 2]);
  writeFileSync(join(folder, 'keys.json'), JSON.stringify({ payload: '{"version":9,"keys":[]}', signature: 'x' }));
  look();
  expect([changes, ring.now().own.length, said.length]).toEqual([1, 2, 1]);
  expect(engineKeys(folder)).toMatchObject({ ok: false, problem: { code: 'E-KEY' } });
});
