import type { Fault } from './faults.ts';
import type { Measured } from './measure.ts';
import type { Flood, LoadConfig } from './messages.ts';
import type { Phases, Timeline } from './timeline.ts';

/** Something that is done to the shop, or undone. */
export type Deed =
  | { readonly kind: 'fault'; readonly fault: Fault; readonly on: readonly string[]; readonly is: boolean }
  /** One client asks many times as often as usual; null: as usual again. */
  | { readonly kind: 'flood'; readonly flood: Flood | null }
  /** Whether what a target reports arrives. It goes on enforcing, and taking tables. */
  | { readonly kind: 'telemetry'; readonly target: string; readonly is: boolean }
  /** The engine that was started first is killed (-9) and stays away, or comes back. */
  | { readonly kind: 'engine'; readonly is: boolean }
  /** The first table that a target got is sent to it once more, as it was signed. */
  | { readonly kind: 'late'; readonly target: string }
  /** The database is copied, or becomes again what it was when it was copied. */
  | { readonly kind: 'database'; readonly what: 'backup' | 'restore' }
  /** A person accepts the history of a restored database. */
  | { readonly kind: 'accept' };

/** What is due: the incident begins (`begin` is done), something in the middle of it, it is over (`end` is done), the run is over. */
export type Next = 'wait' | 'inject' | Deed | 'lift' | 'finish';

/** One rehearsed incident. Times in ms; every wait has an end. */
export type Scenario = {
  readonly name: string;
  readonly about: string;
  /** Folders under rules/ that must be in force; the first is the one whose stages are timed. */
  readonly rules: readonly [string, ...string[]];
  /** Where the users are others than usual. */
  readonly load?: Partial<Pick<LoadConfig, 'ratePerS' | 'users'>>;
  /** Engines that run: of two, one stands by, and the bus must be NATS. */
  readonly engines?: 1 | 2;
  /** What is asked again and again besides: who leads; what the sidecar of checkout has refused; whether the record has all that targets have seen. */
  readonly watch?: 'leader' | 'refused' | 'record';
  readonly begin: readonly Deed[];
  readonly end: readonly Deed[];
  /** Asked again and again; until what follows from it was fed to the timeline, it says the same. */
  readonly next: (timeline: Timeline, nowMs: number) => Next;
  /** Why the run was not what it should be; none: it was. */
  readonly judge: (timeline: Timeline, phases: Phases<Measured>) => readonly string[];
  /** Figures of its own for the report, ms after the fault or counts. */
  readonly figures?: (timeline: Timeline) => Readonly<Record<string, number | null>>;
  readonly waits: Waits;
  readonly expect: Expectations;
};

export type Waits = {
  /** Load runs this long before anything is measured: sockets open, code gets compiled. */
  readonly warmMs: number;
  /** Then this long is measured as "before", up to the fault. */
  readonly beforeMs: number;
  /** The fault is lifted this long after recovery, or after `recoverMaxMs` without one. */
  readonly holdMs: number;
  readonly recoverMaxMs: number;
  /** From the lifting of the fault to the end of all action; the run ends without it after this. */
  readonly clearMaxMs: number;
  /** A run that is over, but whose users are not yet as well as before, is watched this much longer: a machine may have stood still. */
  readonly calmMaxMs: number;
};

export const usualWaits: Waits = {
  warmMs: 8_000,
  beforeMs: 7_000,
  holdMs: 3_000,
  recoverMaxMs: 20_000,
  clearMaxMs: 40_000,
  calmMaxMs: 25_000,
};

export type Expectations = {
  /** Entering firing and returning to clear, over all keys of the scenario's rules; null: judged otherwise. */
  readonly transitions: number | null;
  /** Share of failed requests that still counts as recovered, besides what failed before. */
  readonly failedShareMax: number;
  /** Requests that may fail in the whole run; null: any number while the fault lasts. */
  readonly failedMax: number | null;
  /** Replicas that must get their share of the traffic again after the fault; [] where the fault takes none away. */
  readonly back: readonly string[];
};

/** How much slower than before still counts as recovered: half as slow again, or this much more. */
export const slowerFactor = 1.5;
export const slowerMs = 10;
export const isSlow = (p99Ms: number, beforeMs: number): boolean => p99Ms > Math.max(slowerFactor * beforeMs, beforeMs + slowerMs);
