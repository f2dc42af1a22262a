import { fail, ok, type Result } from '../../model/problem.ts';
import type { Clock } from '../../ports/clock.ts';
import { startChild, type Child } from '../../runtime/children.ts';
import { commandFile } from '../../runtime/package.ts';

/** A part that ends by itself is started again after this long; one that keeps ending, after ever longer. */
const restartMsMin = 100;
const restartMsMax = 5_000;
/** An adapter that another one has superseded waits (protocol.md section 5.9). */
const supersededMs = 30_000;
const supersededCode = 3;
/** A part that has run for this long has started well. */
const wellMs = 10_000;

export type ReadyMessage = { readonly kind: 'ready'; readonly address: string };

/** A parent's word to an adapter that it keeps: what it reports shall not arrive (a rehearsal of a source that died), or shall again. */
export type TelemetryMessage = { readonly kind: 'telemetry'; readonly on: boolean };

export const isTelemetryMessage = (message: unknown): message is TelemetryMessage =>
  typeof message === 'object' && message !== null && 'kind' in message && message.kind === 'telemetry' && 'on' in message && typeof message.on === 'boolean'; // prettier-ignore

export type Part = {
  readonly pid: () => number | null;
  /** What its latest life said when it was ready. */
  readonly address: () => string;
  /** To the process that runs now; lost when none does. */
  readonly send: (message: unknown) => void;
  /** Killed (-9), and not started again before `true`: a rehearsal of a machine that is lost. */
  readonly setRunning: (is: boolean) => void;
  readonly stop: () => Promise<void>;
};

/**
 * Keeps one `flyball …` process running. Resolves when it is ready for the first time; fails when it ends before that.
 * `args` is asked before each start: a restarted part keeps its port.
 */
export async function keepPart(options: {
  readonly name: string;
  readonly args: (address: string | null) => readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly say: (line: string) => void;
  /** Each time it is ready. */
  readonly onReady: (pid: number, address: string) => void;
  /** Ends it, also while it is not ready yet. */
  readonly signal: AbortSignal;
}): Promise<Result<Part>> {
  const { name, clock, say } = options;
  let address: string | null = null;
  let child: Child | null = null;
  let stopping = false;
  let backoff = restartMsMin;
  let wake = (): void => undefined;
  let down = false;

  const end = async (): Promise<void> => {
    stopping = true;
    wake();
    await child?.stop();
  };
  options.signal.addEventListener('abort', () => void end(), { once: true });

  const run = async (onReady: () => void): Promise<void> => {
    const startedMs = clock.monotonic();
    const started = await startChild({ name, module: commandFile(), args: options.args(address), env: options.env, output: 'stderr' });
    if (!started.ok) return say(started.problem.what);
    child = started.value;
    child.onMessage((m) => {
      if (!isReady(m)) return;
      address = m.address;
      options.onReady(started.value.pid, m.address);
      onReady();
    });
    if (stopping) await child.stop();
    const exit = await child.exited;
    child = null;
    if (stopping) return;
    say(`${name} ended (${exit.code ?? exit.signal ?? '?'})`);
    backoff = clock.monotonic() - startedMs > wellMs ? restartMsMin : Math.min(backoff * 2, restartMsMax);
    if (exit.code === supersededCode) backoff = supersededMs;
  };
  const keep = async (): Promise<void> => {
    while (!stopping) {
      await new Promise<void>((resolve) => {
        const cancel = clock.after(backoff, resolve);
        wake = () => {
          cancel();
          resolve();
        };
      });
      if (!stopping && !down) await run(() => say(`${name} is back`));
    }
  };

  const first = await new Promise<boolean>((resolve) => {
    void run(() => resolve(true)).then(() => {
      resolve(false);
      return address === null ? undefined : keep();
    });
  });
  if (!first) return fail({ code: 'E-PART', what: `${name} did not start`, at: name, todo: 'see the lines above' });
  return ok({
    pid: () => child?.pid ?? null,
    address: () => address ?? '',
    send: (message) => void child?.send(message),
    setRunning: (is) => {
      down = !is;
      if (is) wake();
      else if (child !== null) process.kill(child.pid, 'SIGKILL');
    },
    stop: end,
  });
}

const isReady = (m: unknown): m is ReadyMessage =>
  typeof m === 'object' && m !== null && 'kind' in m && m.kind === 'ready' && 'address' in m && typeof m.address === 'string';
