import { faults } from './faults.ts';
import type { Fault } from './faults.ts';

/** One rehearsed incident. Times in ms; every wait has an end. */
export type Scenario = {
  readonly name: ScenarioName;
  readonly about: string;
  /** Folders under rules/ that must be in force; the first is the one whose stages are timed. */
  readonly rules: readonly [string, ...string[]];
  readonly fault: Fault;
  /** The replicas that get the fault. */
  readonly on: readonly string[];
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
  readonly expect: Expectations;
};

export type Expectations = {
  /** Entering firing and returning to clear, over all keys of the scenario's rules. */
  readonly transitions: number;
  /** Share of failed requests that still counts as recovered, besides what failed before. */
  readonly failedShareMax: number;
  /** Requests that may fail in the whole run; null: any number while the fault lasts. */
  readonly failedMax: number | null;
  /** Replicas that must get their share of the traffic again after the fault; [] where the fault takes none away. */
  readonly back: readonly string[];
};

export const scenarioNames = ['gray-failure', 'error-burst'] as const;
export type ScenarioName = (typeof scenarioNames)[number];

const waits = { warmMs: 8_000, beforeMs: 7_000, holdMs: 3_000, recoverMaxMs: 20_000, clearMaxMs: 40_000, calmMaxMs: 25_000 };

export const scenarios: Readonly<Record<ScenarioName, Scenario>> = {
  'gray-failure': {
    ...waits,
    name: 'gray-failure',
    about: 'checkout replica c3 answers 20 times slower, with status 200: it is avoided, and comes back after the fault',
    rules: ['gray-failure'],
    fault: faults.grayFailure,
    on: ['c3'],
    expect: { transitions: 2, failedShareMax: 0.01, failedMax: 0, back: ['c3'] },
  },
  'error-burst': {
    ...waits,
    name: 'error-burst',
    about: 'checkout v1 fails 30 % of its requests: traffic is split to v2, and comes back after the fault',
    rules: ['error-burst'],
    fault: faults.errorBurst,
    on: ['c1', 'c2', 'c3'],
    expect: { transitions: 2, failedShareMax: 0.01, failedMax: null, back: ['c1', 'c2', 'c3'] },
  },
};

/** How much slower than before still counts as recovered: half as slow again, or this much more. */
export const slowerFactor = 1.5;
export const slowerMs = 10;
export const isSlow = (p99Ms: number, beforeMs: number): boolean => p99Ms > Math.max(slowerFactor * beforeMs, beforeMs + slowerMs);
