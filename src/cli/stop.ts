/** Resolves at the first Ctrl-C or SIGTERM, or when the parent is gone; a second Ctrl-C does not wait for a clean end. */
export function untilStopped(endWithParent: (gone: () => void) => void = () => undefined): Promise<'stopped'> {
  return new Promise((resolve) => {
    const stop = (): void => resolve('stopped');
    let asked = 0;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        asked += 1;
        if (asked > 2) process.exit(130);
        stop();
      });
    }
    endWithParent(stop);
  });
}
