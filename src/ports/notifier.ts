import type { Alert } from '../model/alert.ts';
import type { Problem } from '../model/problem.ts';

/** Tells people what rules with `notify` found. */
export interface Notifier {
  /** Where it tells them, as shown on the screen. */
  readonly about: string;
  /** Taken at once; delivered when it can be, the newest word on a rule's key last. */
  readonly notify: (alert: Alert) => void;
  /** What is wrong with the delivery now; null: nothing. */
  readonly problem: () => Problem | null;
  readonly stop: () => void;
}
