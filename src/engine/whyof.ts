import { why } from '../core/audit/why.ts';
import type { DiffBody } from '../core/audit/entries.ts';
import type { Store } from '../ports/store.ts';
import type { Table } from '../model/table.ts';
import type { WhyView } from './views.ts';

const chainsMax = 50;
const auditMax = 10_000;

/** Chains for an entry's id (or its first 6 or more digits), a rule's name, or a target's name: newest first. */
export async function whyOf(
  subject: string,
  { store, tables }: { readonly store: Store; readonly tables: ReadonlyMap<string, Table> },
): Promise<readonly WhyView[]> {
  const ids = await idsOf(subject, { store, tables });
  const chains: WhyView[] = [];
  for (const { id, target } of ids.slice(0, chainsMax)) {
    chains.push(why(id, target, await store.audit({ entry: id, limit: auditMax }), tables));
  }
  return chains;
}

type Place = { readonly id: string; readonly target: string };

/** Where such entries stand or stood: what is in force first, then the newest. */
async function idsOf(
  subject: string,
  { store, tables }: { readonly store: Store; readonly tables: ReadonlyMap<string, Table> },
): Promise<readonly Place[]> {
  const isId = /^[0-9a-f]{6,32}$/.test(subject);
  const held = [...tables].flatMap(([target, entries]) =>
    entries
      .filter((e) => (isId && e.id.startsWith(subject)) || e.owner.rule === subject || target === subject)
      .map((e): Place => ({ id: e.id, target })),
  );
  const intents = await store.audit({ rule: subject, kinds: ['intent'], limit: chainsMax });
  const ofRule = new Set(intents.flatMap((a) => a.entries));
  const diffs = await store.audit({ kinds: ['diff'], limit: auditMax, ...(tables.has(subject) ? { target: subject } : {}), ...(/^[0-9a-f]{32}$/.test(subject) ? { entry: subject } : {}) }); // prettier-ignore
  const past = diffs
    .toReversed()
    .flatMap((a) =>
      (a.body as DiffBody).ops
        .filter(({ op, id }) => op === 'put' && (ofRule.has(id) || a.target === subject || (isId && id.startsWith(subject))))
        .map(({ id }): Place => ({ id, target: a.target ?? '' })),
    );
  const unique = new Map([...held, ...past].map((p) => [`${p.id} ${p.target}`, p]));
  return [...unique.values()];
}
