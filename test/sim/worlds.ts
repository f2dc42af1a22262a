import { simulateEngines } from './engines.ts';
import { simulateRich } from './rich.ts';
import { simulate } from './simulate.ts';
import type { Code } from './world.ts';

/** What one seed came to: a broken invariant or null, and how much happened. */
export type Outcome = { readonly violation: string | null; readonly [count: string]: unknown };

/** The simulated worlds, by name. Each runs the real code of the protocol on one seeded clock; they differ in who is there and what goes wrong. */
export const worlds: Readonly<Record<string, (seed: number, code: Code) => Outcome>> = {
  /** One engine, one or two targets, people with overrides: loss, duplication, delay, crashes, a restored record, failing disks and devices. */
  plain: simulate,
  /** Two or three engines on one record: killed, stopped, cut off. */
  engines: simulateEngines,
  /** Large tables in parts, key sets, two adapters of one device, a hostile wire. */
  rich: simulateRich,
};
