import { ok } from '../model/problem.ts';
import { makeToken, readTokens, revokeToken, viewOf } from '../runtime/access/tokens.ts';
import type { Clock } from '../ports/clock.ts';
import type { Home } from '../runtime/home.ts';
import type { Tokens } from './routes.ts';

/** The tokens of a home as the API gives them out; each that is made or revoked is said. */
export function tokensOf(of: { readonly home: Home; readonly clock: Clock; readonly say: (line: string) => void }): Tokens {
  const { home, clock, say } = of;
  return {
    list: () => {
      const rows = readTokens(home);
      return rows.ok ? ok(rows.value.map(viewOf)) : rows;
    },
    make: async (ask) => {
      const made = await makeToken(home, ask, clock.now());
      if (made.ok) say(`token ${ask.name} (${ask.role}) made by ${ask.by}`);
      return made;
    },
    revoke: async (name) => {
      const revoked = await revokeToken(home, name);
      if (revoked.ok) say(`token ${name} revoked`);
      return revoked;
    },
  };
}
