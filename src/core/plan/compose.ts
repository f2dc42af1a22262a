import { canon } from '../../model/canon.ts';
import { overlap } from '../../model/conjunction.ts';
import type { Action } from '../../model/table.ts';
import type { Part } from './entries.ts';
import { groupBy } from './group.ts';
import { refusalOf, type Refusal } from './refusal.ts';

/** Two actions that cannot both be carried out on one request. */
export type Contradiction = {
  readonly a: Refusal;
  readonly b: Refusal;
  /** `maybe`: a regex keeps us from knowing whether they meet. */
  readonly overlap: 'yes' | 'maybe';
};

export type Composed = {
  readonly parts: readonly Part[];
  readonly refusals: readonly Refusal[];
  readonly contradictions: readonly Contradiction[];
};

/**
 * How long a part has had its seat: 2 when an entry of it is in force, 1 when an earlier revision of the same action is, 0 when it is new;
 * 3 cannot be contested (enforced parts, seen from shadow).
 */
export type Standing = (part: Part) => 0 | 1 | 2 | 3;

/**
 * rules.md section 4: same stage, same priority, overlapping, contradicting: refused. Who is refused: the newcomer, because what is in
 * force has been verified and is relied on (design.md section 7: one owner per knob, the loser recorded). Of two with the same standing,
 * both: neither name, nor owner, nor who was read first may decide, and a person can (another priority, another match). An edit of a rule
 * in force does not throw it back among the newcomers, but it does rank behind what is in force unchanged.
 * All or nothing for one action: its alternatives are refused together; the rule's other actions go on.
 */
export function compose(parts: readonly Part[], standing: Standing): Composed {
  const conflicts = conflictsIn(parts);
  const accepted = new Set<Part>();
  for (const level of [3, 2, 1, 0] as const) {
    const here = parts.filter((part) => standing(part) === level);
    const open = here.filter((part) => !(conflicts.get(part) ?? []).some(({ other }) => accepted.has(other)));
    const seated = level === 3 ? open : open.filter((part) => !(conflicts.get(part) ?? []).some(({ other }) => open.includes(other)));
    for (const part of seated) accepted.add(part);
  }
  const refused = parts.filter((part) => !accepted.has(part));
  return {
    parts: parts.filter((part) => accepted.has(part)),
    refusals: refused.map((part) => refusalOf(part, part.part, 'contradiction', textOf(part, conflicts.get(part) ?? [], accepted))),
    contradictions: [...conflicts].flatMap(([a, against]) =>
      against.flatMap(({ other: b, how }) => (parts.indexOf(a) < parts.indexOf(b) ? [{ a: plain(a), b: plain(b), overlap: how }] : [])),
    ),
  };
}

type Conflict = { readonly other: Part; readonly how: 'yes' | 'maybe' };

const plain = (part: Part): Refusal => refusalOf(part, part.part, 'contradiction', actionText(part));

function conflictsIn(parts: readonly Part[]): ReadonlyMap<Part, readonly Conflict[]> {
  const found = new Map<Part, Conflict[]>();
  const add = (a: Part, other: Part, how: Conflict['how']): void => void found.set(a, [...(found.get(a) ?? []), { other, how }]);
  for (const knob of byKnob(parts)) {
    for (const [i, a] of knob.entries()) {
      for (const b of knob.slice(i + 1)) {
        const how = meet(a, b);
        if (how === 'no') continue;
        add(a, b, how);
        add(b, a, how);
      }
    }
  }
  return found;
}

/** Only what shares stage and priority can contradict. */
function byKnob(parts: readonly Part[]): Iterable<readonly Part[]> {
  const knobs = groupBy(parts, ({ entries: [first] }) => `${first?.stage} ${first?.priority}`);
  return knobs.values();
}

/** Whether two parts contradict on some request. `maybe` counts as yes: a contradiction must not reach traffic because of a regex. */
function meet(a: Part, b: Part): 'yes' | 'no' | 'maybe' {
  const [x, y] = [a.entries[0]?.action, b.entries[0]?.action];
  if (x === undefined || y === undefined || !contradict(x, y)) return 'no';
  const all = a.entries.flatMap((one) => b.entries.map((other) => overlap(one.match, other.match)));
  return all.includes('yes') ? 'yes' : all.includes('maybe') ? 'maybe' : 'no';
}

/**
 * Whether two actions of one stage cannot both be done.
 * admit: to let in and to turn away, and two different answers, contradict; two denies do not: both turn away, and with shares each takes
 * its own. police: limits add up. steer: only one can pick; avoids and mirrors add up. edit: one header or dscp, two values.
 */
export function contradict(a: Action, b: Action): boolean {
  if (a.kind === 'set' && b.kind === 'set') return editsDiffer(a, b);
  const pair = new Set([a.kind, b.kind]);
  if (pair.has('respond')) return canon(a) !== canon(b);
  if (pair.has('allow')) return pair.has('deny');
  if (picks(a) && picks(b)) return canon(a) !== canon(b);
  return false;
}

const picks = ({ kind }: Action): boolean => kind === 'split' || kind === 'route';

type SetAction = Extract<Action, { readonly kind: 'set' }>;

function editsDiffer(a: SetAction, b: SetAction): boolean {
  if (a.dscp !== null && b.dscp !== null && a.dscp !== b.dscp) return true;
  const [x, y] = [editsOf(a), editsOf(b)];
  return [...x].some(([name, value]) => y.has(name) && y.get(name) !== value);
}

/** Header names have no case (RFC 9110 section 5.1). null: removed. */
const editsOf = ({ set, remove }: SetAction): ReadonlyMap<string, string | null> =>
  new Map([
    ...remove.map((name): [string, null] => [name.toLowerCase(), null]),
    ...Object.entries(set).map(([name, value]): [string, string] => [name.toLowerCase(), value]),
  ]);

function textOf(part: Part, conflicts: readonly Conflict[], accepted: ReadonlySet<Part>): string {
  const winner = conflicts.find(({ other }) => accepted.has(other));
  const against = (winner ?? conflicts[0])?.other;
  const how = (winner ?? conflicts[0])?.how === 'maybe' ? 'may contradict' : 'contradicts';
  const name = against === undefined ? 'another' : `${against.intent.rule}@${against.intent.revision} ${against.intent.keyText}`;
  const end = winner === undefined ? 'neither acts until one of them changes' : 'which was in force before';
  return `${actionText(part)} ${how} ${name} at priority ${part.rule.rule.priority}; ${end}`;
}

const actionText = ({ entries: [first] }: Part): string => first?.action.kind ?? 'an action';
