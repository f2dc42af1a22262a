import { mkdtempSync, rmSync } from 'node:fs';
import { createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { signedBytes } from '../../src/core/publish/bytes.ts';
import { engineKeys } from '../../src/runtime/keys.ts';

test('the runtime signs exactly the bytes that the core says', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flyball-keys-'));
  try {
    const keys = engineKeys(folder);
    if (!keys.ok) throw new Error(keys.problem.what);
    const payload = Buffer.from('{"v":1}');
    const key = createPublicKey(readFileSync(join(folder, 'engine.pub'), 'utf8'));
    for (const kind of ['diff', 'head', 'snapshot', 'closed'] as const) {
      const signature = Buffer.from(keys.value.signer.sign(kind, payload), 'base64url');
      expect(verify(null, signedBytes(kind, payload), key, signature)).toBe(true);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
