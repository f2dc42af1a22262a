import { services } from './world.js';

/** The second at which stream time begins: a round date of 2026. */
export const baseNs = 1_767_225_600_000_000_000n;

/** The requests as the peers get them: flat objects with string keys, times and latencies in µs. */
export function objectsOf({ n, time, source, destination, method, status, latency }) {
  const methods = Array.from({ length: 8 }, (_, i) => `/shop.Api/Method${i}`);
  return Array.from({ length: n }, (_, i) => ({
    time: time[i],
    source: services[source[i]].name,
    destination: services[destination[i]].name,
    method: methods[method[i]],
    status: status[i],
    latency: latency[i],
  }));
}

/** The requests as records of the engine's model: nested, bigint times and durations. */
export function recordsOf({ n, time, source, destination, status, latency }) {
  const peers = services.map(({ name }) => ({ service: name }));
  const nothing = {};
  const applied = [];
  return Array.from({ length: n }, (_, i) => ({
    stream: 'rpc',
    time: baseNs + BigInt(time[i]) * 1_000n,
    source: peers[source[i]],
    destination: peers[destination[i]],
    reporter: nothing,
    rpc: nothing,
    request: nothing,
    response: { failed: status[i] !== 0, duration: BigInt(latency[i]) * 1_000n },
    applied,
  }));
}
