/** Times contenders side by side in one run, round after round in turn, so that what the machine does meanwhile falls on all of them. */
const roundMs = 20;

/**
 * @param {readonly {name: string, run: () => number}[]} contenders `run` does one batch and gives a number that depends on all of it.
 * @param {{rounds: number, batch: number}} options how often each is timed, and operations in a batch.
 * @returns {Map<string, number>} ns an operation, the median of the rounds.
 */
export function compare(contenders, { rounds, batch }) {
  let sink = 0;
  const times = new Map(contenders.map(({ name }) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const { name, run } of contenders) {
      const start = performance.now();
      let batches = 0;
      let spent = 0;
      do {
        sink += run();
        batches++;
        spent = performance.now() - start;
      } while (spent < roundMs);
      // The first round compiles and warms.
      if (round >= 0) times.get(name).push((spent * 1e6) / (batches * batch));
    }
  }
  if (Number.isNaN(sink)) throw new Error('a contender gave no number');
  return new Map([...times].map(([name, list]) => [name, median(list)]));
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

export const geometricMean = (values) => Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
