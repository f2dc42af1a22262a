import type { Fault } from './faults.ts';

/**
 * What the supervisor and the shop's processes say to each other over the IPC channel of a fork. The supervisor is the parent and
 * trusted; a child still drops what has no known `kind`, so that a newer supervisor does not crash an older child.
 */

/** Base URLs by service, e.g. {"checkout": "http://127.0.0.1:4001"}: the sidecars, where there are any. */
export type Calls = Readonly<Record<string, string>>;

export type ServiceConfig = {
  readonly service: string;
  readonly instance: string;
  readonly version: string;
  readonly zone: string;
  readonly latencyMs: number;
  readonly jitterMs: number;
  readonly routes: Readonly<Record<string, readonly string[]>>;
  readonly calls: Calls;
  /** 127.0.0.1 by default. */
  readonly host?: string;
  /** 0: any free one. */
  readonly port: number;
};

/** Supervisor → service. `config` comes first, once. */
export type ToService =
  | { readonly kind: 'config'; readonly config: ServiceConfig }
  | { readonly kind: 'calls'; readonly calls: Calls }
  | { readonly kind: 'fault'; readonly fault: Fault; readonly on: boolean };

/** Service → supervisor. `ready` once it listens; `served` each servedEveryMs with what was answered since the last. */
export type FromService =
  | { readonly kind: 'ready'; readonly instance: string; readonly port: number }
  | { readonly kind: 'served'; readonly instance: string; readonly atMs: number; readonly served: number; readonly failed: number }
  | { readonly kind: 'broken'; readonly instance: string; readonly reason: string };

export type LoadConfig = {
  /** The gateway's sidecar. */
  readonly url: string;
  /** Arrivals a second, evenly spaced, whatever the answers do. */
  readonly ratePerS: number;
  /** The rate grows from nothing over this long. */
  readonly rampMs: number;
  /** One request in this many browses the catalog; of the others, which all go to checkout, … */
  readonly browseEvery: number;
  /** … one in this many also pays. */
  readonly payEvery: number;
  /** Values of x-user, taken in turn. */
  readonly users: number;
  /** At most this many unanswered; an arrival beyond is dropped and counted. */
  readonly inFlightMax: number;
  /** A request without an answer by then has failed. */
  readonly timeoutMs: number;
  /** The generator ends by itself after this many arrivals or this long, whatever comes first. */
  readonly requestsMax: number;
  readonly forMsMax: number;
};

/** One of the users asks this many times as often as usual. */
export type Flood = { readonly user: number; readonly times: number };

/** Supervisor → load generator. `config` comes first, once, and starts it. */
export type ToLoad =
  | { readonly kind: 'config'; readonly config: LoadConfig }
  /** The gateway's sidecar has moved. */
  | { readonly kind: 'url'; readonly url: string }
  /** null: as usual again. */
  | { readonly kind: 'flood'; readonly flood: Flood | null }
  /** No more arrivals; `done` follows when the last answer is in. */
  | { readonly kind: 'stop' };

/** What came to its end in one interval of reportEveryMs. */
export type LoadReport = {
  /** End of the interval, ms since the epoch, UTC. */
  readonly atMs: number;
  readonly sent: number;
  /** 4xx, 5xx, no answer, or no answer in time. */
  readonly failed: number;
  /** Arrivals not sent because inFlightMax were unanswered. */
  readonly dropped: number;
  /** One for each request that ended, from the instant it was due, in µs: a late start counts as waiting. */
  readonly latenciesUs: readonly number[];
  /** Since a flood first began: what its client asked, which is counted here alone. */
  readonly client?: ClientReport;
};

/** `refused`: answered 429. `failed`: anything else that is no 2xx or 3xx, and what was not sent because too many were unanswered. */
export type ClientReport = { readonly sent: number; readonly answered: number; readonly refused: number; readonly failed: number };

export type FromLoad = { readonly kind: 'load'; readonly report: LoadReport } | { readonly kind: 'done'; readonly sent: number };

export const servedEveryMs = 250;
export const reportEveryMs = 100;

/** 312 a second in all, of which 302 go to checkout. */
export const defaultLoad: Omit<LoadConfig, 'url'> = {
  ratePerS: 312,
  rampMs: 2_000,
  browseEvery: 32,
  payEvery: 16,
  users: 20,
  inFlightMax: 500,
  timeoutMs: 5_000,
  requestsMax: 100_000_000,
  forMsMax: 7 * 24 * 3_600_000,
};

export const isToService = (value: unknown): value is ToService => hasKind(value, ['config', 'calls', 'fault']);
export const isToLoad = (value: unknown): value is ToLoad => hasKind(value, ['config', 'url', 'flood', 'stop']);
export const isFromService = (value: unknown): value is FromService => hasKind(value, ['ready', 'served', 'broken']);
export const isFromLoad = (value: unknown): value is FromLoad => hasKind(value, ['load', 'done']);

function hasKind(value: unknown, kinds: readonly string[]): boolean {
  return typeof value === 'object' && value !== null && 'kind' in value && typeof value.kind === 'string' && kinds.includes(value.kind);
}
