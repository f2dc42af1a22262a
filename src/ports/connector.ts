import type { Inventory } from '../model/inventory.ts';
import type { Clock } from './clock.ts';
import type { Random } from './random.ts';
import type { Source } from './source.ts';
import type { Target } from './target.ts';

export type ConnectorOptions = {
  /** The target's name, also its reporter.target. */
  readonly target: string;
  /** From the command line, `--set name=value`; a connector refuses names it does not know. */
  readonly settings: Readonly<Record<string, string>>;
  readonly inventory: Inventory;
  readonly clock: Clock;
  readonly random: Random;
  /** Narration for a person, one line without a line end; never secrets. */
  readonly say: (line: string) => void;
};

/** What a folder under connectors/ offers: `connector.ts` exports one as `connector`. */
export interface Connector {
  readonly name: string;
  /** One line for `flyball connector`. */
  readonly about: string;
  /** Opens the enforcement point: target, and source of the records it reports, in one. */
  readonly open?: (options: ConnectorOptions) => Promise<{
    readonly target?: Target;
    readonly source?: Source;
    /** Where it listens, for a person and for neighbours, e.g. "http://127.0.0.1:4001". */
    readonly address: string;
  }>;
}
