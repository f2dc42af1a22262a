import type { Minimum } from '../../model/rule.ts';
import type { Programs } from '../cel/programs.ts';
import type { Aggregate, Checked, PlainName } from '../cel/types.ts';
import { aggregateTexts } from '../rule/expressions.ts';
import type { CompiledRule, CompiledSet } from '../rule/types.ts';
import { earlierBy, specOf } from '../window/layout.ts';
import type { SlotSpec } from '../window/layout.ts';
import { cutsOf } from './cuts.ts';
import { plainOf } from './inputs.ts';

/** As `minimum.count` asks for it, and as `minimum.until` does. */
export type Both = { readonly count: SlotSpec; readonly until: SlotSpec };
/** What one aggregate asks for: itself, and for a baseline each earlier window. */
export type Asked = { readonly set: string; readonly now: Both; readonly earlier: readonly Both[] };

/** What the expressions of a rule ask for, those that use others before the others: a variable is cut where it is compared. */
export function askedBy(compiled: CompiledRule, programs: Programs): ReadonlyMap<Aggregate, Asked> {
  const { rule, variables, objective } = compiled;
  const texts = [
    ...aggregateTexts(compiled),
    ...(objective === null ? [] : [objective]),
    ...variables.map(({ checked }) => checked).toReversed(),
  ];
  const cuts = new Map<Aggregate, number[]>();
  const note = (aggregate: Aggregate | undefined, constants: readonly number[]): void => {
    if (aggregate !== undefined) cuts.set(aggregate, [...(cuts.get(aggregate) ?? []), ...constants]);
  };
  const asked = new Map<Aggregate, Asked>();
  // A variable that nothing uses costs nothing, and opens no window.
  const used = new Set<Checked>([...aggregateTexts(compiled), ...(objective === null ? [] : [objective])]);
  for (const checked of texts) {
    if (!used.has(checked)) continue;
    const found = cutsOf(checked, { programs, params: rule.params });
    for (const aggregate of checked.aggregates) {
      note(aggregate, found.get(aggregate.id) ?? []);
      const own = cuts.get(aggregate) ?? [];
      const variable = aggregate.name === 'variable' ? variables.find(({ name }) => name === aggregate.of)?.checked : undefined;
      if (variable !== undefined) used.add(variable);
      note(
        variable?.aggregates.find(({ id }) => id === variable.expr.id),
        own,
      );
      const plain = plainOf(aggregate);
      if (plain !== null) asked.set(aggregate, askOf(plain, { compiled, aggregate, cuts: own }));
    }
  }
  return asked;
}

type Ask = { readonly compiled: CompiledRule; readonly aggregate: Aggregate; readonly cuts: readonly number[] };

function askOf(plain: Aggregate, { compiled, aggregate, cuts }: Ask): Asked {
  const { rule } = compiled;
  const found = plain.set === null ? null : (compiled.sets.find(({ set }) => set.name === plain.set) ?? null);
  const windowNs = plain.windowNs ?? windowNsOf(compiled, found);
  const minimum: Minimum = found?.set.minimum ?? rule.minimum;
  const offsetNs = found?.set.offsetNs ?? 0n;
  const name = plain.name as PlainName;
  const context = { windowNs, lagNs: offsetNs, cuts };
  const count = specOf(name, plain, { ...context, least: minimum.count });
  // Totals, and what asks for equally many records in both, are one.
  const until = minimum.until === minimum.count ? count : specOf(name, plain, { ...context, least: minimum.until });
  const windows = aggregate.spanNs === null ? 0 : Number(aggregate.spanNs / windowNs);
  const earlier = Array.from({ length: windows }, (_, i): Both => {
    const lagNs = offsetNs + BigInt(i + 1) * windowNs;
    const then = earlierBy(count, lagNs);
    return { count: then, until: until === count ? then : earlierBy(until, lagNs) };
  });
  return { set: plain.set ?? '', now: { count, until }, earlier };
}

const windowNsOf = ({ rule }: CompiledRule, found: CompiledSet | null): bigint => found?.set.windowNs ?? rule.windowNs;
