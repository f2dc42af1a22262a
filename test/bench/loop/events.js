import { incidents, pairCount, pairs, span } from './world.js';

const second = 1_000_000;
const plainErrors = 0.005;
const spread = 0.5;
const longest = 60 * second;

/**
 * `n` requests over a minute, the same for the same seed, as columns: time and latency in µs, numbers of services and methods, a gRPC status.
 * Time never goes back. Pairs come by Zipf's law; latency is log-normal.
 */
export function generate(n, seed) {
  const draw = uniform(seed);
  const pairOf = zipf(pairCount);
  const events = {
    n,
    time: new Uint32Array(n),
    latency: new Uint32Array(n),
    source: new Uint8Array(n),
    destination: new Uint8Array(n),
    method: new Uint8Array(n),
    status: new Uint8Array(n),
  };
  for (let i = 0; i < n; i++) {
    const time = Math.floor((i * span * second) / n);
    const isDuring = ({ from, to }) => time >= from * second && time < to * second;
    const { failing, slow, flood } = incidents;
    // The order of the draws is part of the definition.
    const floods = isDuring(flood) && draw() < flood.share;
    const pair = floods ? flood.pair : pairOf(draw());
    events.method[i] = Math.floor(draw() * 8);
    const errors = pair === failing.pair && isDuring(failing) ? failing.share : plainErrors;
    events.status[i] = draw() < errors ? 14 : 0;
    const radius = Math.sqrt(-2 * Math.log(1 - draw()));
    const normal = radius * Math.cos(2 * Math.PI * draw());
    const median = (2_000 + 40 * pair) * (pair === slow.pair && isDuring(slow) ? slow.times : 1);
    events.latency[i] = Math.min(longest, Math.max(1, Math.round(median * Math.exp(spread * normal))));
    events.time[i] = time;
    events.source[i] = pairs[pair].source;
    events.destination[i] = pairs[pair].destination;
  }
  return events;
}

const columns = ['time', 'latency', 'source', 'destination', 'method', 'status'];

/** The columns one after the other, little-endian: what each engine's process reads. */
export const toBytes = (events) =>
  Buffer.concat(columns.map((name) => Buffer.from(events[name].buffer, events[name].byteOffset, events[name].byteLength)));

export function fromBytes(bytes) {
  const n = bytes.length / 12;
  const { buffer } = Uint8Array.from(bytes);
  const narrow = (place) => new Uint8Array(buffer, (8 + place) * n, n);
  return {
    n,
    time: new Uint32Array(buffer, 0, n),
    latency: new Uint32Array(buffer, 4 * n, n),
    source: narrow(0),
    destination: narrow(1),
    method: narrow(2),
    status: narrow(3),
  };
}

/** mulberry32: uniform in [0, 1). */
function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The rank from 0 that a uniform number draws: rank k is 1 / (k + 1) as frequent as the first. */
function zipf(ranks) {
  const sums = [];
  for (let k = 0; k < ranks; k++) sums.push((sums[k - 1] ?? 0) + 1 / (k + 1));
  const total = sums[ranks - 1];
  const shares = sums.map((sum) => sum / total);
  return (x) => {
    let [low, high] = [0, ranks - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (shares[middle] > x) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}
