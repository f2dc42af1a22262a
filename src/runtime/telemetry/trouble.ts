import type { Problem } from '../../model/problem.ts';
import { withoutCredentials } from '../log.ts';

/** An export that fails is tried again at the next; a failure older than this is over. The longest interval by default is 60 s, its timeout 30 s. */
const troubleMsMin = 100_000;
const textCharsMax = 300;

export type Trouble = {
  readonly heard: (message: string) => void;
  readonly problem: () => Problem | null;
};

/** What the SDK complained of last. It says when an export fails, and never when one succeeds: so a complaint is believed for a while. */
export function createTrouble(about: string, env: NodeJS.ProcessEnv, monotonicMs: () => number): Trouble {
  const interval = Number(env['OTEL_METRIC_EXPORT_INTERVAL']);
  const forMs = interval > 0 ? interval * 1.5 + 10_000 : troubleMsMin;
  let last: { readonly text: string; readonly ms: number } | null = null;
  let count = 0;
  return {
    heard: (message) => {
      count += 1;
      last = { text: shortOf(message), ms: monotonicMs() };
    },
    problem: () =>
      last === null || monotonicMs() - last.ms > forMs
        ? null
        : {
            code: 'W-TELEMETRY',
            what: `self-telemetry is not exported (${count} complaints): ${last.text}`,
            at: about,
            todo: 'see the collector, and the OTEL_ variables; the loop does not wait for it',
          },
  };
}

/** The SDK complains with an error as JSON, its stack within: the first words of it are what a person wants. */
function shortOf(message: string): string {
  let text = message;
  try {
    const error: unknown = JSON.parse(message);
    if (typeof error === 'object' && error !== null) {
      const { message: what = '', code = '', errors } = error as { message?: string; code?: string; errors?: string };
      text = [code, what, errors].filter((word) => typeof word === 'string' && word !== '').join(' ');
    }
  } catch (error) {
    // Plain words.
    if (!(error instanceof SyntaxError)) throw error;
  }
  return withoutCredentials(text.replaceAll(/\s+/g, ' ')).slice(0, textCharsMax);
}
