import { expect, test } from 'vitest';
import { parseSettings } from './settings.ts';

test('defaults: loopback, any port, a few harmless headers', () => {
  expect(parseSettings({ service: 'checkout' })).toEqual({
    ok: true,
    value: { host: '127.0.0.1', port: 0, services: ['checkout'], recordedHeaders: ['x-user', 'x-tenant', 'x-canary'], timeoutMs: 15_000 },
  });
});

test('everything can be said', () => {
  const given = { listen: '[::1]:8080', service: 'a, b', headers: 'X-Plan,x-user', 'timeout-ms': '250' };
  expect(parseSettings(given)).toMatchObject({
    value: { host: '::1', port: 8080, services: ['a', 'b'], recordedHeaders: ['x-user', 'x-tenant', 'x-canary', 'x-plan'], timeoutMs: 250 },
  });
});

test.each([
  [{}, 'service is missing'],
  [{ service: 'a', lisen: ':1' }, 'lisen is not a setting of builtin'],
  [{ service: 'a', listen: '8080' }, 'listen is not host:port: 8080'],
  [{ service: 'a', listen: '127.0.0.1:70000' }, 'listen is not host:port: 127.0.0.1:70000'],
  [{ service: 'a', listen: '::1:80' }, 'listen is not host:port: ::1:80'],
  [{ service: 'a', 'timeout-ms': '1.5' }, 'timeout-ms is not a time: 1.5'],
])('%j is refused: %s', (given, what) => {
  expect(parseSettings(given)).toMatchObject({ ok: false, problem: { code: 'E-SETTING', what } });
});
