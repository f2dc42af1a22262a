import type { Facts } from '../../model/facts.ts';
import { interpreter } from '../../model/interpret.ts';
import type { Inventory } from '../../model/inventory.ts';
import type { FlyRecord } from '../../model/record.ts';
import type { Table } from '../../model/table.ts';

export type Gate = (record: FlyRecord, nowMs: number) => boolean;

/**
 * Whether a request of the test still reaches its destination under a table: by the reference interpreter, the share that it leaves of what
 * it was without the table. Shares are met evenly, not by dice: of 1 % every hundredth request goes through.
 */
export function gateOf(table: Table, inventory: Inventory, owed: Map<string, number>): Gate {
  const withTable = interpreter(table, inventory);
  const without = interpreter([], inventory);
  return (record, nowMs) => {
    const facts = factsOf(record);
    const decision = withTable(facts, nowMs);
    let share = decision.admit.reduce((left, { action }) => (action.kind === 'deny' ? left * (1 - action.ppm / 1e6) : action.kind === 'respond' ? 0 : left), 1); // prettier-ignore
    const own = record.destination.instance;
    if (own !== undefined && !decision.steer.through) {
      const before = weightOf(without(facts).steer.choices, record.destination);
      const after = weightOf(decision.steer.choices, record.destination);
      // What the others take over is theirs to report; here only what is taken away counts.
      if (before > 0) share *= Math.min(1, after / before);
    }
    return share >= 1 || draws(owed, `${record.destination.service ?? ''}\n${own ?? ''}`, share);
  };
}

type Choices = ReturnType<ReturnType<typeof interpreter>>['steer']['choices'];

/** The share of all requests for the service that an instance gets, 0 to 1. */
function weightOf(choices: Choices, { service, instance }: FlyRecord['destination']): number {
  const own = choices.find((choice) => choice.instance.instance === instance && choice.instance.service === service)?.weight ?? 0n;
  const all = choices.reduce((sum, { weight }) => sum + weight, 0n);
  return all === 0n ? 0 : Number(own) / Number(all);
}

/** The owed part of a request is carried over to the next. */
function draws(owed: Map<string, number>, key: string, share: number): boolean {
  const due = (owed.get(key) ?? 0) + share;
  owed.set(key, due >= 1 ? due - 1 : due);
  return due >= 1;
}

function factsOf(record: FlyRecord): Facts {
  const { service, namespace } = record.destination;
  const destination = { ...(service === undefined ? {} : { service }), ...(namespace === undefined ? {} : { namespace }) };
  return record.stream === 'rpc'
    ? { source: record.source, destination, request: record.request }
    : { source: record.source, destination: record.destination, flow: record.flow };
}
