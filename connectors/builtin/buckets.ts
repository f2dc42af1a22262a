import type { Limit } from '../../src/model/decision.ts';

export type Buckets = {
  /** Whether there is a token. Of a limit on requests it is taken; what a limit on bytes costs is known later, see `spend`. */
  readonly take: (limit: Limit, nowMs: number) => boolean;
  /** Takes this many tokens, also those that are not there yet: who was let in ends what it began, and the next ones wait for it. */
  readonly spend: (limit: Limit, tokens: number, nowMs: number) => void;
  /** Buckets that were forgotten before they were full again: whoever had one began anew. */
  readonly forgotten: () => number;
};

/** Beyond this many the one not asked for longest is forgotten. Names of callers make buckets, so callers decide how many there are. */
const bucketsMax = 10_000;

type Bucket = { level: bigint; atUs: bigint };

/**
 * Token buckets, full at first. They are known by what the limit is (rule, revision, key, action and the values of `per`), not by the
 * table that holds it: no change of a table fills one, and a limit whose rate moves goes on from what it had. Counted in billionths of a
 * token and whole µs, in which thousandths of a token a second are whole numbers: nothing is ever rounded away, however often it is asked.
 */
export function createBuckets(): Buckets {
  const buckets = new Map<string, Bucket>();
  let forgotten = 0;

  /** As it is by now. What was earned since it was last asked counts at the rate of now. */
  const at = ({ bucket: name, action: { rateMilli, burst } }: Limit, nowMs: number): Bucket => {
    const nowUs = BigInt(Math.floor(nowMs * 1_000));
    const full = BigInt(burst) * token;
    const bucket = buckets.get(name);
    // The last asked is the last in line.
    if (bucket !== undefined) buckets.delete(name);
    else if (buckets.size >= bucketsMax) forget();
    const now = bucket ?? { level: full, atUs: nowUs };
    if (nowUs > now.atUs) {
      now.level += BigInt(rateMilli) * (nowUs - now.atUs);
      now.atUs = nowUs;
    }
    if (now.level > full) now.level = full;
    buckets.set(name, now);
    return now;
  };

  const forget = (): void => {
    const oldest = buckets.keys().next().value;
    if (oldest !== undefined) buckets.delete(oldest);
    forgotten++;
  };

  return {
    take: (limit, nowMs) => {
      const bucket = at(limit, nowMs);
      if (bucket.level < token) return false;
      if (limit.action.unit === 'requests') bucket.level -= token;
      return true;
    },
    spend: (limit, tokens, nowMs) => void (at(limit, nowMs).level -= BigInt(tokens) * token),
    forgotten: () => forgotten,
  };
}

/** In billionths. */
const token = 1_000_000_000n;
