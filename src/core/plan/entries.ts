import { createHash } from 'node:crypto';
import { canon, tryCanon } from '../../model/canon.ts';
import { fail, ok, type Problem, type Result } from '../../model/problem.ts';
import { stageOf, type Entry, type Match, type Owner } from '../../model/table.ts';
import type { Intent } from '../decide/types.ts';
import { entryBytesMax } from '../limits.ts';
import type { CompiledRule } from '../rule/types.ts';
import { actionOf } from './actions.ts';
import { toMatches } from './dnf.ts';

/** The entries of one action of one intent: alternatives that stand or fall together. */
export type Part = {
  readonly rule: CompiledRule;
  readonly intent: Intent;
  readonly part: number;
  /** Not empty: one for each alternative of the match. */
  readonly entries: readonly Entry[];
};

export type Parts = {
  readonly parts: readonly Part[];
  /** Actions that could not become entries, each with its reason. */
  readonly problems: readonly { readonly part: number; readonly problem: Problem }[];
};

/**
 * What an intent asks for, as entries of the table.
 * @param untilMs where they end by themselves, engine time in ms; null: standing.
 * Errors: that of the first action that cannot become entries (E-MATCH, E-MATCH-SIZE, E-ACTION, E-ENTRY); E-MATCH-NEVER when nothing can match.
 */
export function entriesOf(intent: Intent, compiled: CompiledRule, untilMs: number | null): Result<readonly Entry[]> {
  const { parts, problems } = partsOf(intent, compiled, untilMs);
  const [first] = problems;
  return first === undefined ? ok(parts.flatMap(({ entries }) => entries)) : fail(first.problem);
}

/** As `entriesOf`, action by action: one that fails does not take the others with it. */
export function partsOf(intent: Intent, rule: CompiledRule, untilMs: number | null): Parts {
  const results = intent.actions.map((_, part) => ({ part, result: partOf({ intent, rule, part, untilMs }) }));
  return {
    parts: results.flatMap(({ part, result }) => (result.ok ? [{ rule, intent, part, entries: result.value }] : [])),
    problems: results.flatMap(({ part, result }) => (result.ok ? [] : [{ part, problem: result.problem }])),
  };
}

type Ask = { readonly intent: Intent; readonly rule: CompiledRule; readonly part: number; readonly untilMs: number | null };

function partOf({ intent, rule, part, untilMs }: Ask): Result<readonly Entry[]> {
  const at = `${intent.rule}@${intent.revision} then[${part}]`;
  const resolved = intent.actions[part];
  const compiled = rule.actions[part];
  if (resolved === undefined || compiled === undefined) {
    return fail({ code: 'E-ENTRY', what: 'the intent belongs to another revision of its rule', at, todo: 'wait for the next plan' });
  }
  const action = actionOf(resolved, rule.rule);
  if (!action.ok) return action;
  const matches = toMatches(compiled.match, intent.key, (offset) => `${at} match, offset ${offset}`);
  if (!matches.ok) return matches;
  if (matches.value.length === 0) {
    return fail({
      code: 'E-MATCH-NEVER',
      what: `nothing can match \`${compiled.match.text}\``,
      at,
      todo: 'the match contradicts itself for this key',
    });
  }
  const owner: Owner = { rule: intent.rule, revision: intent.revision, key: intent.keyText };
  const common = { stage: stageOf[action.value.kind], priority: rule.rule.priority, action: action.value, owner, part };
  const entries: Entry[] = [];
  for (const match of matches.value) {
    const entry = entryOf({ ...common, match, until: untilMs }, at);
    if (!entry.ok) return entry;
    entries.push(entry.value);
  }
  return ok(entries);
}

/** The id is of everything but `until`: a renewed lease is the same entry. */
function entryOf({ until, ...content }: Omit<Entry, 'id'>, at: string): Result<Entry> {
  const text = tryCanon(content, at);
  if (!text.ok) return text;
  const bytes = Buffer.byteLength(text.value, 'utf8') + frameBytes;
  if (bytes <= entryBytesMax) return ok({ id: idOf(text.value), ...content, until });
  return fail({
    code: 'E-ENTRY',
    what: `an entry of ${bytes} bytes, at most ${entryBytesMax} may be`,
    at,
    todo: 'shorten lists, or split the rule',
  });
}

/** What id and until add to the canonical text, at most. */
const frameBytes = '"id":"","until":-9007199254740991,'.length + 32;

const idOf = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex').slice(0, 32);

/** The id that an entry should have. */
export function entryIdOf({
  stage,
  priority,
  match,
  action,
  owner,
  part,
}: Omit<Entry, 'id' | 'until'> & { readonly match: Match }): string {
  return idOf(canon({ stage, priority, match, action, owner, part }));
}
