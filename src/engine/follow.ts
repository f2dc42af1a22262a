import type { Input } from '../core/loop/types.ts';
import type { Clock } from '../ports/clock.ts';
import type { Place, RuleRevision, Store } from '../ports/store.ts';

/** How far a standby may lag behind the rules of the leader. */
export const followEveryMs = 1_000;
/** Lines of the audit read at once; when there are more, all rules are read anew. */
const readMax = 1_000;

export type Follow = {
  /** Where the targets are by the record. */
  readonly places: () => readonly Place[];
  readonly stop: () => void;
};

/**
 * Keeps an engine that does not lead up with the record: rules as they are saved, keys as a person resumes them, where targets are. The
 * audit is the list of what happened, in order: rules and their audit entries are one transaction.
 */
export function follow(of: {
  readonly store: Store;
  readonly clock: Clock;
  readonly leads: () => boolean;
  /** Rules as inputs, as far as they are newer than what is known. */
  readonly newer: (saved: readonly RuleRevision[]) => readonly Input[];
  readonly give: (...inputs: readonly Input[]) => void;
}): Follow {
  const { store, clock, leads, newer, give } = of;
  /** The last line of the audit that was read; null: none since we led. */
  let since: number | null = null;
  let places: readonly Place[] = [];
  let busy = false;

  const look = async (): Promise<void> => {
    const from = since;
    const said = await store.audit({
      kinds: ['rule', 'operator'],
      ...(from === null ? {} : { sinceId: from }),
      limit: from === null ? 1 : readMax,
    });
    const last = said.at(-1)?.id ?? from ?? 0;
    const all = from === null || said.length === readMax;
    const names = new Set(said.flatMap(({ kind, rule }) => (kind === 'rule' && rule !== null ? [rule] : [])));
    const saved = all ? (await store.load()).rules : await newest(names);
    const inputs: Input[] = [...newer(saved)];
    for (const { kind, rule, key, body } of from === null ? [] : said)
      if (kind === 'operator' && body['what'] === 'resume' && rule !== null && key !== null) inputs.push({ kind: 'resumed', rule, key });
    places = await store.places();
    // It may lead by now: then it has read everything itself.
    if (leads()) return;
    since = last;
    if (inputs.length > 0) give(...inputs);
  };
  const newest = async (names: Iterable<string>): Promise<readonly RuleRevision[]> => {
    const found: RuleRevision[] = [];
    for (const name of names) found.push(...(await store.ruleHistory(name)).slice(-1));
    return found;
  };
  const cancel = clock.each(followEveryMs, () => {
    if (leads()) since = null;
    if (leads() || busy) return;
    busy = true;
    // Without the database nothing is to be followed; the next look reads on from the same line.
    look().catch(() => undefined).finally(() => (busy = false)); // prettier-ignore
  });
  return { places: () => places, stop: cancel };
}
