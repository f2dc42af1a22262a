import { readLine } from '../../../dist/src/core/decide/judge.js';
import { recordsOf } from './forms.js';

/** Ways to give the engine its input, each made of the events before anything is timed. */
export const feeds = {
  records: (events) => {
    const records = recordsOf(events);
    return {
      n: events.n,
      run: (judge, take) => {
        for (const record of records) {
          const changes = readLine(judge, record);
          if (changes.length > 0) take(changes);
        }
      },
    };
  },
};
