import { systemClock } from '../runtime/clock.ts';

const quietMs = 2_000;
const everyMs = 200;
const width = 30;

export type Progress = { readonly at: (share: number | null, what: string) => void; readonly end: () => void };

/** A bar on standard error for anything that takes more than 2 s, when a person sits there. */
export function progress(): Progress {
  const clock = systemClock();
  const startMs = clock.monotonic();
  let shownMs = 0;
  const clear = (): void => void (shownMs > 0 && process.stderr.write('\r\u001b[K'));
  return {
    at: (share, what) => {
      const nowMs = clock.monotonic();
      if (!process.stderr.isTTY || nowMs - startMs < quietMs || nowMs - shownMs < everyMs) return;
      shownMs = nowMs;
      const done = share === null ? 0 : Math.floor(share * width);
      const bar = share === null ? '' : `[${'#'.repeat(done)}${' '.repeat(width - done)}] ${Math.floor(share * 100)} % `;
      process.stderr.write(`\r\u001b[K${bar}${what}`);
    },
    end: clear,
  };
}
