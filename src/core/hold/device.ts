import { fieldOf } from '../../model/facts.ts';
import type { Entry, Table } from '../../model/table.ts';
import type { Capabilities } from '../../model/target.ts';
import { nameOf } from '../../model/test.ts';
import { listMax, nameCharsMax } from '../limits.ts';
import type { RejectedEntry } from '../publish/messages.ts';

/** What the device has said it cannot take, found before anything is written (protocol.md section 5.6). At most `listMax`. */
export function beyondDevice(table: Table, can: Capabilities): readonly RejectedEntry[] {
  const found = table.flatMap((entry) => {
    const text = lacking(entry, can);
    return text === null ? [] : [{ id: entry.id, code: 'E-UNSUPPORTED', text }];
  });
  const surplus = [...table]
    .sort((a, b) => b.priority - a.priority)
    .slice(can.entriesMax)
    .map(({ id }) => ({ id, code: 'E-TABLE-FULL', text: `the device takes ${can.entriesMax} entries` }));
  return [...found, ...surplus].slice(0, listMax);
}

function lacking({ action, match }: Entry, can: Capabilities): string | null {
  if (!can.actions.includes(action.kind)) return `action ${action.kind}`;
  const field = Object.keys(match).find((path) => !can.fields.includes(fieldOf(path)));
  if (field !== undefined) return `match on ${field.slice(0, nameCharsMax)}`;
  const test = Object.values(match).flat().map(nameOf).find((name) => !can.tests.includes(name)); // prettier-ignore
  return test === undefined ? null : `test ${test}`;
}

/** What a target does while nothing is held and it is told to stay closed: refuses everything, as unavailable. */
export const closedTable: Table = [
  {
    id: '0'.repeat(32),
    stage: 'admit',
    priority: 0,
    match: {},
    action: { kind: 'deny', ppm: 1_000_000, status: 503, grpcStatus: 14 },
    owner: { rule: 'flyball', revision: 0, key: '{}' },
    part: 0,
    until: null,
  },
];
