import type { Aggregate, Checked } from '../cel/types.ts';
import type { Programs } from '../cel/programs.ts';
import { mentions } from '../cel/rewrite.ts';
import type { CompiledRule } from '../rule/types.ts';
import type { SlotSpec } from '../window/layout.ts';
import { askedBy } from './ask.ts';
import type { Asked, Both } from './ask.ts';
import { sidedIn } from './cuts.ts';
import type { Input, Shown, SlotInput } from './inputs.ts';
import type { Judged, Source } from './run.ts';
import { joinSelection, leaveSelection, leaveView, ownWanted, setWanted, slotOf, viewOf } from './source.ts';
import type { Hold, Joined } from './source.ts';

/** What a rule is made of while it runs: its own records, those of its sets, and its expressions with what they are given. */
export type Joint = {
  readonly source: Source | null;
  /** By name; the rule's own under ''. */
  readonly holds: ReadonlyMap<string, Hold>;
  readonly judged: (checked: Checked) => Judged;
};

/** Finds or makes the selections that a rule's records are kept in, and attaches its aggregates to them. */
export function join(judge: Joined, compiled: CompiledRule): Joint {
  const { programs } = judge;
  const { rule, stream, columns, sets } = compiled;
  const asked = askedBy(compiled, programs);
  const specsOf = (name: string): readonly SlotSpec[] =>
    [...asked.values()].flatMap(({ set, now, earlier }) =>
      set === name ? [now, ...earlier].flatMap(({ count, until }) => [count, until]) : [],
    );
  const comparesOwn = [...asked.keys()].some(({ name, inner }) => inner?.set === null && siblingNames.has(name));
  const holds = new Map<string, Hold>();
  const names = columns.map(({ name }) => name);
  for (const one of sets) {
    const key = one.columns.map(({ name }) => names.indexOf(name));
    holds.set(one.set.name, joinSelection(judge, setWanted(one, rule.everyNs, specsOf(one.set.name)), key));
  }
  let source: Source | null = null;
  if (stream !== null) {
    const wanted = ownWanted(compiled, stream, { specs: specsOf(''), comparesOwn });
    const own = joinSelection(judge, wanted, null);
    holds.set('', own);
    const slotsOf = attachAll(asked, holds, programs);
    source = createSource(own, viewOf(own.shared, compiled, wanted.ofKey, programs));
    return { source, holds, judged: judgedWith({ compiled, programs, slotsOf }) };
  }
  return { source, holds, judged: judgedWith({ compiled, programs, slotsOf: attachAll(asked, holds, programs) }) };
}

/** The rule needs its records no more. */
export function leave(judge: Joined, source: Source | null, holds: Joint['holds']): void {
  if (source !== null) leaveView(source.shared, source.view);
  for (const hold of holds.values()) leaveSelection(judge, hold);
}

const siblingNames: ReadonlySet<string> = new Set(['peers', 'share', 'rank']);

type Slots = ReadonlyMap<Aggregate, { readonly now: SlotInput; readonly earlier: readonly SlotInput[] }>;

function attachAll(asked: ReadonlyMap<Aggregate, Asked>, holds: ReadonlyMap<string, Hold>, programs: Programs): Slots {
  return new Map(
    [...asked].map(([aggregate, { set, now, earlier }]) => {
      const hold = holds.get(set);
      if (hold === undefined) throw new Error(`flyball: broken invariant: no records for ${aggregate.text}`);
      const input = ({ count, until }: Both): SlotInput => {
        const slot = slotOf(hold, count, programs);
        return { kind: 'slot', lens: hold, count: slot, until: until === count ? slot : slotOf(hold, until, programs) };
      };
      return [aggregate, { now: input(now), earlier: earlier.map(input) }];
    }),
  );
}

function createSource(own: Hold, view: Source['view']): Source {
  const { windows } = own.shared.selection;
  const places = [own.own, ...own.slots.map(({ slot }) => slot.window)].filter((place) => windows[place]!.lagNs === 0n);
  const longest = places.reduce((a, b) => (windows[b]!.lengthNs > windows[a]!.lengthNs ? b : a));
  return { shared: own.shared, view, longest, standings: new Uint8Array(0), turn: -1 };
}

type With = { readonly compiled: CompiledRule; readonly programs: Programs; readonly slotsOf: Slots };

/** Expressions with what they are given; one of a variable or of the objective is made once. */
function judgedWith({ compiled, programs, slotsOf }: With): (checked: Checked) => Judged {
  const { rule, variables, objective, columns } = compiled;
  const keyColumns = columns.map(({ name, checked }) => ({ name, type: checked.type }));
  const made = new Map<Checked, Judged>();
  const inputOf = (aggregate: Aggregate): Input => {
    const { name, of, type } = aggregate;
    const slots = slotsOf.get(aggregate);
    switch (name) {
      case 'peers':
      case 'share':
      case 'rank':
        return { kind: 'siblings', how: name, of: slots!.now, type, least: rule.minimum.peers };
      case 'baseline':
      case 'zscore':
        return { kind: 'past', how: name, of: slots!.now, earlier: slots!.earlier, type };
      case 'burn_rate':
        return { kind: 'burn', ratio: slots!.now, objective: objective === null ? Number(rule.slo?.objective) : judged(objective) };
      case 'firing':
        return { kind: 'firing', rule: of ?? '', byKey: aggregate.byKey };
      case 'param': {
        const param = rule.params.find((one) => one.name === of)!;
        return { kind: 'param', byDefault: param.default, byKey: param.byKey };
      }
      case 'variable':
        return { kind: 'variable', of: judged(variables.find((one) => one.name === of)!.checked) };
      default:
        return slots!.now;
    }
  };
  const judged = (checked: Checked): Judged => {
    const known = made.get(checked);
    if (known !== undefined) return known;
    const inputs = checked.aggregates.map(inputOf);
    const shown = checked.aggregates.flatMap((aggregate, i): readonly Shown[] => {
      const input = inputs[i]!;
      if (input.kind === 'variable') return input.of.shown;
      return input.kind === 'param' ? [] : [{ text: aggregate.text, input }];
    });
    const sided = sidedIn(checked, { programs, params: rule.params });
    const one: Judged = {
      checked,
      run: programs.aggregate(checked, keyColumns),
      holds: programs.condition(checked, keyColumns),
      namesKey: mentions(checked.expr, 'key'),
      inputs,
      shown,
      isPlain: inputs.every((input) => input.kind === 'slot' && input.lens.columns === null),
      isSided: checked.aggregates.map(({ id }) => sided.has(id)),
      raws: [],
    };
    made.set(checked, one);
    return one;
  };
  return judged;
}
