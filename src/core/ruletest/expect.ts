import type { KeyState, Value, Verdict } from '../../model/rule.ts';
import { readDuration, showDuration } from '../../model/units.ts';
import { keyStandings } from '../decide/judge.ts';
import type { KeyStanding } from '../decide/judge.ts';
import { jsonOf } from '../cel/value.ts';
import { lookInto } from '../decide/look.ts';
import type { Look } from '../decide/look.ts';
import { entryText } from './run.ts';
import type { Seen } from './run.ts';
import type { Expectation, Failure } from './types.ts';

/** Shown quantiles are within 1 % (rules.md section 3.6), so a test may not ask for more. */
const valueTolerance = 0.01;

/** A key at an instant; one that is not known is clear and unknown (rules.md section 3.12). */
type Standing = { readonly text: string; readonly label: string; readonly state: KeyState; readonly verdict: Verdict };

/** What an expectation does not find; several keys may fail at once. */
export function compareWith(seen: Seen, expect: Expectation, atNs: bigint): readonly Failure[] {
  const failures: Failure[] = [];
  const { place, transitions, never, state, verdict } = expect;
  const say = (key: string, got: string, expected: string, because = ''): void =>
    void failures.push({ place, test: seen.test.name, atNs: atNs - seen.test.startNs, key, got, expected, because });
  if (transitions !== null && seen.transitions !== transitions) say('', `${seen.transitions} transitions`, `${transitions}`);
  for (const standing of standingsOf(seen, expect.keys)) {
    const { text, label } = standing;
    if (never !== null && seen.states.get(text)?.has(never) === true) say(label, `was ${never}`, `never ${never}`);
    const look = lookInto(seen.judge, seen.rule.rule.name, text);
    if (state !== null && standing.state !== state) say(label, `state ${standing.state}`, state, becauseOf(look));
    if (verdict !== null && standing.verdict !== verdict) say(label, `verdict ${standing.verdict}`, verdict, becauseOf(look));
    for (const { text: of, value } of expect.values) {
      const got = look?.values.get(of);
      if (got === undefined) say(label, `no aggregate ${of}`, value);
      else if (!isNear(got, value)) say(label, `${of} ${shown(got)}`, value, becauseOf(look));
    }
    if (expect.entries !== null) {
      const got = seen.table.filter(({ owner }) => expect.keys === null || owner.key === text).map(entryText);
      const wanted = expect.entries;
      if (got.length !== wanted.length || wanted.some((one) => !got.includes(one))) say(label, `entries ${got.join(', ') || 'none'}`, wanted.join(', ') || 'none'); // prettier-ignore
    }
  }
  return failures;
}

/** The keys asked for, by the value of their last column; all that were seen when none is. */
function standingsOf({ judge, states }: Seen, keys: readonly string[] | null): readonly Standing[] {
  const known = new Map(keyStandings(judge).map((standing) => [standing.keyText, standing]));
  const all = new Set([...known.keys(), ...states.keys()]);
  if (keys === null) return (all.size === 0 ? ['{}'] : [...all]).map((text) => standingOf(text, known));
  return keys.flatMap((key) => {
    const fit = [...all].filter((text) => labelOf(text) === key);
    return fit.length === 0 ? [{ text: key, label: key, state: 'clear' as const, verdict: 'unknown' as const }] : fit.map((text) => standingOf(text, known)); // prettier-ignore
  });
}

function standingOf(text: string, known: ReadonlyMap<string, KeyStanding>): Standing {
  const { state = 'clear', verdict = 'unknown' } = known.get(text) ?? {};
  return { text, label: labelOf(text), state, verdict };
}

/** The last column's value as text; "" for the one key of a rule without `by`. */
function labelOf(text: string): string {
  const last = Object.values(JSON.parse(text) as Record<string, unknown>).at(-1);
  return last === undefined ? '' : String(last);
}

function becauseOf(look: Look | null): string {
  if (look === null) return 'the key was never seen, or is forgotten';
  const parts = look.conditions.map(({ text, values, result }) => {
    const told = values.map((one) => `${one.text} ${shown(one.value)}`).join(', ');
    return `${text} is ${result === null ? 'unknown' : String(result)}${told === '' ? '' : ` (${told})`}`;
  });
  const held = look.heldNs === null ? [] : [`held ${showDuration(look.heldNs)} of ${showDuration(look.neededNs)}`];
  return [...parts, ...held].join(' · ');
}

/** As a person reads it: durations with a unit. */
export function shown(value: Value | null): string {
  if (value === null) return 'without value';
  if (typeof value === 'object' && 'durationNs' in value) return showDuration(value.durationNs);
  return typeof value === 'string' ? JSON.stringify(value) : jsonOf(value);
}

function isNear(value: Value | null, wanted: string): boolean {
  if (value === null) return wanted === 'null';
  const span = typeof value === 'object' && 'durationNs' in value ? readDuration(wanted) : null;
  if (span !== null) return span.ok && near(Number((value as { readonly durationNs: bigint }).durationNs), Number(span.value));
  if (typeof value === 'number' || typeof value === 'bigint') return near(Number(value), Number(wanted));
  return String(value) === wanted;
}

const near = (got: number, wanted: number): boolean => Math.abs(got - wanted) <= valueTolerance * Math.max(Math.abs(got), Math.abs(wanted));
