import { createHash } from 'node:crypto';
import type { Code } from './world.ts';

/** The code with an ear: every input, instant and effect of every step goes into one hash. Two runs are the same if theirs is. */
export function traced(code: Code): { readonly code: Code; readonly hash: () => string } {
  const all = createHash('sha256');
  const note = <T>(what: string, input: unknown, now: unknown, out: T): T => {
    all.update(`${what} ${text(now)} ${text(input)} ${text(out)}\n`);
    return out;
  };
  return {
    code: {
      ...code,
      holdStep: (hold, input, now) => note(hold.options.target, input, now, code.holdStep(hold, input, now)),
      leadStep: (lead, input, now) => note('lead', input, now, code.leadStep(lead, input, now)),
      leaseStep: (lease, input, now) => note('lease', input, now, code.leaseStep(lease, input, now)),
    },
    hash: () => all.copy().digest('hex').slice(0, 16),
  };
}

const text = (value: unknown): string =>
  JSON.stringify(value, (_, one: unknown) =>
    one instanceof Uint8Array ? Buffer.from(one).toString('base64') : one instanceof Map ? [...one] : one,
  ) ?? '';
