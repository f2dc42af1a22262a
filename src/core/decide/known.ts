import type { Instance } from '../../model/inventory.ts';
import type { FlyRecord, Stream } from '../../model/record.ts';
import type { Scalar } from '../cel/value.ts';
import { openKey, touch } from '../window/keys.ts';
import { isMember } from '../window/view.ts';
import { know } from './run.ts';
import type { RuleRun } from './run.ts';

/**
 * `keys: inventory`: a rule knows the key of every instance there is, also of one that never sent a record, as long as it is there. What
 * `where` says of an instance decides; what it says of a request, which there is none of, does not.
 */
export function keepKnown(run: RuleRun, instances: readonly Instance[]): void {
  const { source, compiled } = run;
  if (source === null || compiled.rule.keys !== 'inventory' || compiled.columns.length === 0) return;
  const { selection } = source.shared;
  const now = new Set<number>();
  for (const record of recordsOf(instances, run)) {
    const values: (Scalar | undefined)[] = [];
    selection.columns(record, values);
    if (values.length < selection.columnCount || values.includes(undefined) || selection.where?.(record) === false) continue;
    const id = openKey(selection, values as readonly Scalar[], record);
    if (id < 0 || !isMember(source.view.members, id)) continue;
    now.add(id);
    know(run, id);
  }
  // One that is gone is judged once more, and then forgotten as others are.
  for (const id of run.pinned) if (!now.has(id)) touch(selection, id);
  run.pinned.clear();
  for (const id of now) run.pinned.add(id);
}

/** As what an instance would be seen as: the side that the rule groups by. */
function recordsOf(instances: readonly Instance[], { compiled }: RuleRun): readonly FlyRecord[] {
  const { stream, columns } = compiled;
  if (stream === null) return [];
  const isSource = columns.every(({ name }) => name.startsWith('source.'));
  return instances.map((instance) => recordOf(stream, isSource ? 'source' : 'destination', instance));
}

function recordOf(stream: Stream, side: 'source' | 'destination', { labels, ...seen }: Instance): FlyRecord {
  const groups = { source: {}, destination: {}, reporter: {}, rpc: {}, request: {}, response: {}, flow: {} };
  return {
    stream,
    time: 0n,
    applied: [],
    ...groups,
    [side]: { ...seen, labels: new Map(Object.entries(labels ?? {})) },
  } as unknown as FlyRecord;
}
