import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { generateKeyPairSync } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { engineKeys, readVerifier } from './keys.ts';

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
const payload = Buffer.from('{"v":1}');

test('the pair is made once: private 0600, and read again as the same key', () => {
  const first = opened();
  expect(statSync(join(folder, 'engine.key')).mode & 0o777).toBe(0o600);
  expect(first.publicFile).toBe(join(folder, 'root.pub'));
  expect(statSync(join(folder, 'root.key')).mode & 0o777).toBe(0o600);
  expect(readFileSync(first.publicFile, 'utf8')).toContain('PUBLIC KEY');
  expect(first.signer.keyId).toMatch(/^[0-9a-f]{16}$/);
  expect(opened().signer.keyId).toBe(first.signer.keyId);
  expect(opened().signer.sign('head', payload)).toBe(first.signer.sign('head', payload));
});

test('an adapter verifies with the public file, or the folder it lies in', () => {
  const { signer } = opened();
  const signature = signer.sign('diff', payload);
  for (const path of [folder, join(folder, 'engine.pub')]) {
    const verifier = readVerifier(path);
    expect(verifier.ok && verifier.value.verify('diff', payload, signer.keyId, signature)).toBe(true);
  }
});

test('another kind, payload, key id or signature does not verify, however it is written', () => {
  const { signer, verifier } = opened();
  const signature = signer.sign('diff', payload);
  const bad: readonly (readonly [string, Uint8Array, string, string])[] = [
    ['head', payload, signer.keyId, signature],
    ['diff', Buffer.from('{"v":2}'), signer.keyId, signature],
    ['diff', payload, 'f'.repeat(16), signature],
    ['diff', payload, signer.keyId, ''],
    ['diff', payload, signer.keyId, `${signature}=`],
    ['diff', payload, signer.keyId, `${signature.slice(0, -1)}!`],
    ['diff', payload, signer.keyId, signature.slice(1)],
    ['diff', payload, signer.keyId, Buffer.from(signature, 'base64url').toString('base64')],
  ];
  for (const [kind, bytes, id, text] of bad) expect(verifier.verify(kind, bytes, id, text)).toBe(false);
  // The last character holds four spare bits: its neighbours decode to the same bytes, and are not the signature.
  const last = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.split('');
  const texts = last.map((c) => signature.slice(0, -1) + c).filter((text) => verifier.verify('diff', payload, signer.keyId, text));
  expect(texts).toEqual([signature]);
});

test('a private key that others can read is refused', () => {
  opened();
  chmodSync(join(folder, 'engine.key'), 0o640);
  expect(engineKeys(folder)).toMatchObject({ ok: false, problem: { code: 'E-KEY', what: 'others can read the private key' } });
});

test('what is no Ed25519 key, a foreign public file, and no file at all are said', () => {
  expect(readVerifier(folder)).toMatchObject({ ok: false, problem: { code: 'E-KEY' } });
  opened();
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  writeFileSync(join(folder, 'engine.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
  expect(engineKeys(folder)).toMatchObject({ ok: false, problem: { code: 'E-KEY' } });
  writeFileSync(join(folder, 'engine.pub'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  expect(readVerifier(folder)).toMatchObject({ ok: false, problem: { code: 'E-KEY', what: 'not an Ed25519 public key' } });
  writeFileSync(join(folder, 'engine.key'), 'nonsense', { mode: 0o600 });
  expect(engineKeys(folder)).toMatchObject({ ok: false, problem: { code: 'E-KEY' } });
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey.export({ type: 'pkcs8', format: 'pem' });
  writeFileSync(join(folder, 'engine.key'), rsa, { mode: 0o600 });
  expect(engineKeys(folder)).toMatchObject({ ok: false, problem: { what: 'not an Ed25519 private key' } });
});
