import { randomBytes, randomInt } from 'node:crypto';
import { assert } from '../model/problem.ts';
import type { Random } from '../ports/random.ts';

const belowMax = 2 ** 48;
/** More than any caller needs at once. */
const hexBytesMax = 65_536;

/** The operating system's generator. */
export const systemRandom: Random = {
  integer: (below) => {
    assert(Number.isSafeInteger(below) && below >= 1 && below <= belowMax, `random integer below ${below}`);
    // randomInt takes ranges under 2^48, not 2^48 itself.
    return below === belowMax ? randomBytes(6).readUIntBE(0, 6) : randomInt(below);
  },
  hex: (bytes) => {
    assert(Number.isSafeInteger(bytes) && bytes >= 0 && bytes <= hexBytesMax, `${bytes} random bytes`);
    return randomBytes(bytes).toString('hex');
  },
};
