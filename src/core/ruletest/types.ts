import type { KeyState, Place, Verdict } from '../../model/rule.ts';

/** tests.yaml beside a rule (rules.md section 5), read. Times in ns after the test's start. */
export type TestFile = { readonly file: string; readonly tests: readonly RuleTest[] };

export type RuleTest = {
  readonly name: string;
  readonly place: Place;
  /** When 0s is, ns since the epoch. */
  readonly startNs: bigint;
  /** Left of what an item gives, the file's `defaults`. */
  readonly defaults: readonly Assign[];
  readonly records: readonly Item[];
  readonly silent: readonly Silence[];
  /** Requests pass the table's reference interpreter: what is steered away or denied leaves no record. */
  readonly closed: boolean;
  readonly expect: readonly Expectation[];
};

/** A field of records by its path ("destination.instance"), and the JSON values that it takes in turn. */
export type Assign = { readonly path: string; readonly values: readonly unknown[]; readonly place: Place };

export type Item =
  /** `rate` records a second, evenly spaced, in [from, to). */
  | { readonly kind: 'generate'; readonly fromNs: bigint; readonly toNs: bigint; readonly rate: number; readonly fields: readonly Assign[] }
  /** Changes what items above it gave in [from, to), where its other fields fit. */
  | {
      readonly kind: 'set';
      readonly fromNs: bigint;
      readonly toNs: bigint;
      readonly where: readonly Assign[];
      readonly fields: readonly Assign[];
    }
  /** JSON lines beside the test file, as recorded; their times stand as they are. */
  | { readonly kind: 'file'; readonly path: string; readonly place: Place };

export type Silence = { readonly source: string; readonly fromNs: bigint; readonly toNs: bigint };

export type Expectation = {
  readonly place: Place;
  /** null: at the end. */
  readonly atNs: bigint | null;
  /** Values of the last column; null: every key. */
  readonly keys: readonly string[] | null;
  readonly state: KeyState | null;
  readonly verdict: Verdict | null;
  readonly never: KeyState | null;
  readonly transitions: number | null;
  /** As written: a number, or a duration as "400ms". */
  readonly values: readonly { readonly text: string; readonly value: string }[];
  /** As text, e.g. `avoid destination.instance == "c3" 99%`; null: not looked at. */
  readonly entries: readonly string[] | null;
};

/** What a test expected and did not get. */
export type Failure = {
  readonly place: Place;
  readonly test: string;
  readonly atNs: bigint;
  /** "" where it is about all keys. */
  readonly key: string;
  readonly got: string;
  readonly expected: string;
  /** The value of each sub-expression at that instant. */
  readonly because: string;
};

export type TestResult = {
  readonly test: RuleTest;
  readonly failures: readonly Failure[];
  readonly records: number;
  readonly transitions: number;
};
