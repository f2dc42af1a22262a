import { expect, test } from 'vitest';
import { rehearse } from './rehearse.ts';

test('each rehearsed incident comes to a commit, signed', () => {
  const signed: string[] = [];
  const sign = (channel: string): string => {
    signed.push(channel);
    return 'signature';
  };
  expect(rehearse({ keyId: 'k', sign, verify: () => true })).toBe(6);
  expect(signed.length).toBeGreaterThanOrEqual(6);
});
