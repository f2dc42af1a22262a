import { resolvedFromJson } from '../core/audit/resolved.ts';
import { waitingKeys } from '../core/decide/judge.ts';
import type { Resumed } from '../core/decide/judge.ts';
import { readKey } from '../core/decide/key.ts';
import { rulesMax } from '../core/limits.ts';
import { nsOf } from '../core/loop/sources.ts';
import type { Input, Loop } from '../core/loop/types.ts';
import { checkRuleText } from '../core/rule/checktext.ts';
import type { CompiledRule } from '../core/rule/types.ts';
import { fail, ok, type Problem, type Result } from '../model/problem.ts';
import type { Clock } from '../ports/clock.ts';
import type { RuleRevision, Store, TargetRow } from '../ports/store.ts';
import { StoreFailure } from '../runtime/store.ts';
import type { EngineOptions } from './engine.ts';
import type { EngineHandle, Saved } from './handle.ts';

export type Rules = {
  /** The saved rules as inputs; keys whose entries stand in these committed tables go on firing. */
  readonly saved: (rules: readonly RuleRevision[], targets: readonly TargetRow[]) => Promise<readonly Input[]>;
  /** Those that are newer than what the loop has, or gone: a standby keeps up with the leader. */
  readonly newer: (rules: readonly RuleRevision[]) => readonly Input[];
  /** As `saved`, for an engine that has judged them while another led: what that one had in force goes on. */
  readonly takenOver: (rules: readonly RuleRevision[], targets: readonly TargetRow[]) => Promise<readonly Input[]>;
  readonly save: EngineHandle['saveRule'];
  readonly remove: EngineHandle['removeRule'];
  readonly resume: EngineHandle['resume'];
};

/** What is read of the record to know which keys are withdrawn. */
const revertsReadMax = 10_000;

const fileOf = (name: string): string => `rules/${name}/rule.yaml`;

/** Rules from the record into the loop, and from people into the record. */
export function createRules(with_: {
  readonly store: Store;
  readonly loop: Loop;
  /** The term in which this engine leads. */
  readonly as: () => { readonly holder: string; readonly epoch: number };
  readonly clock: Clock;
  readonly give: (...inputs: readonly Input[]) => void;
  readonly say: (line: string) => void;
}): Rules {
  const { store, loop, as, clock, give, say } = with_;
  const compiledOf = ({ name, revision, text }: RuleRevision): CompiledRule | null => {
    if (text === null) return null;
    const { compiled, problems } = checkRuleText(text, fileOf(name), revision);
    // A rule that an older version took and this one refuses: said, and not in force.
    if (compiled === null) say(`${name}@${revision} is not in force: ${problems[0]?.what ?? 'refused'}`);
    return compiled;
  };
  const before = async (compiled: CompiledRule, targets: readonly TargetRow[]) => ({
    resume: await resumedOf(compiled, { store, targets }),
    reverted: await revertedOf(compiled, store),
  });
  const isKnown = ({ name, revision }: RuleRevision): boolean => (loop.rules.get(name)?.revision ?? 0) === revision;
  return {
    saved: async (saved, targets) => {
      const inputs: Input[] = [];
      for (const one of saved) {
        const compiled = compiledOf(one);
        if (compiled !== null) inputs.push({ kind: 'rule', compiled, ...(await before(compiled, targets)) });
      }
      return inputs;
    },
    newer: (saved) =>
      saved.flatMap((one): readonly Input[] => {
        const compiled = isKnown(one) ? null : compiledOf(one);
        if (compiled !== null) return [{ kind: 'rule', compiled, resume: [] }];
        return one.text === null && loop.rules.has(one.name) ? [{ kind: 'removed', rule: one.name }] : [];
      }),
    takenOver: async (saved, targets) => {
      const inputs: Input[] = [];
      for (const one of saved) {
        const known = isKnown(one) ? loop.rules.get(one.name) : undefined;
        const compiled = known ?? compiledOf(one);
        if (compiled === null && loop.rules.has(one.name)) inputs.push({ kind: 'removed', rule: one.name });
        if (compiled === null) continue;
        const kept = await before(compiled, targets);
        inputs.push(known === undefined ? { kind: 'rule', compiled, ...kept } : { kind: 'kept', rule: one.name, ...kept });
      }
      return inputs;
    },
    save: async ({ text, file, author, reason }) => {
      const { compiled, problems } = checkRuleText(text, file);
      if (compiled === null) return fail(problems);
      if (!loop.rules.has(compiled.rule.name) && loop.rules.size >= rulesMax)
        return fail([
          {
            code: 'E-RULES-MAX',
            what: `there are ${rulesMax} rules already`,
            at: file,
            todo: 'remove some, or let one rule do for many keys',
          },
        ]);
      const saved = await tryStore(() => store.saveRule({ as: as(), name: compiled.rule.name, text, author, reason, at: clock.now() }));
      if (!saved.ok) return fail([saved.problem]);
      const { revision, changed } = saved.value;
      if (changed || loop.rules.get(compiled.rule.name) === undefined)
        give({ kind: 'rule', compiled: { ...compiled, revision: revision.revision }, resume: [] });
      return ok({ revision, changed, warnings: problems });
    },
    remove: async ({ name, author, reason }) => {
      if (!loop.rules.has(name))
        return fail([{ code: 'E-RULE-NONE', what: `no rule ${JSON.stringify(name)}`, at: name, todo: 'flyball rule list shows them' }]);
      const saved = await tryStore(() => store.saveRule({ as: as(), name, text: null, author, reason, at: clock.now() }));
      if (!saved.ok) return fail([saved.problem]);
      give({ kind: 'removed', rule: name });
      return ok<Saved>({ ...saved.value, warnings: [] });
    },
    resume: (asked) => {
      const keys = waitingKeys(loop.judge, asked.rule, asked.key);
      if (keys.length === 0)
        return fail({
          code: 'E-RESUME-NONE',
          what: `${asked.key ?? 'no key'} of ${JSON.stringify(asked.rule)} ${asked.key === null ? 'is' : 'is not'} latched or reverted`,
          at: asked.rule,
          todo: 'flyball status names the keys that wait',
        });
      give({ kind: 'resume', ...asked });
      return ok(keys);
    },
  };
}

/** Saves rule files before the loop runs: all are checked first. */
export async function saveAll({ rules, store, clock }: Pick<EngineOptions, 'rules' | 'store' | 'clock'>): Promise<Result<null>> {
  const checked = rules.map(({ file, text }) => ({ text, ...checkRuleText(text, file) }));
  for (const { compiled, problems } of checked) if (compiled === null && problems[0] !== undefined) return fail(problems[0]);
  for (const { compiled, text } of checked) {
    if (compiled === null) continue;
    const saved = await tryStore(() =>
      store.saveRule({ name: compiled.rule.name, text, author: 'engine', reason: 'from the rule folder at the start', at: clock.now() }),
    );
    if (!saved.ok) return saved;
  }
  return ok(null);
}

async function tryStore<T>(run: () => Promise<T>): Promise<Result<T>> {
  try {
    return ok(await run());
  } catch (error) {
    if (error instanceof StoreFailure) return fail(error.problem);
    const problem: Problem = {
      code: 'E-DB-DOWN',
      what: error instanceof Error ? error.message : String(error),
      at: 'the database',
      todo: 'nothing was saved: try again when it is back',
    };
    return fail(problem);
  }
}

/** Keys that an unmet expectation withdrew under this revision and that no one has resumed since. */
async function revertedOf({ rule, revision }: CompiledRule, store: Store): Promise<readonly (readonly [string, bigint])[]> {
  if (rule.expect === null) return [];
  const said = await store.audit({ rule: rule.name, kinds: ['effect', 'operator'], limit: revertsReadMax });
  const last = new Map(said.filter((one) => one.revision === revision && one.key !== null).map((one) => [one.key ?? '', one]));
  return [...last].flatMap(([key, { at, body }]) => (body['expected'] === 'reverted' ? [[key, nsOf(at)] as const] : []));
}

/** Keys whose entries stand in a committed table, as they were decided: an engine that starts anew must not withdraw them. */
async function resumedOf(
  compiled: CompiledRule,
  { store, targets }: { readonly store: Store; readonly targets: readonly TargetRow[] },
): Promise<readonly Resumed[]> {
  const { name } = compiled.rule;
  const ends = new Map<string, number | null>();
  for (const { entries } of targets) {
    for (const { owner, until } of entries) {
      if (owner.rule !== name || owner.revision !== compiled.revision) continue;
      const known = ends.get(owner.key);
      ends.set(owner.key, until === null || known === null ? null : Math.max(known ?? 0, until));
    }
  }
  const resumed: Resumed[] = [];
  for (const [keyText, until] of ends) {
    const [intent] = await store.audit({ rule: name, key: keyText, kinds: ['intent'], limit: 1 });
    const key = readKey(compiled, keyText);
    const actions = intent === undefined ? null : resolvedFromJson(intent.body['resolved'], compiled);
    if (key === null || actions === null || intent === undefined) continue;
    resumed.push({ key, sinceNs: nsOf(intent.at), leaseEndNs: until === null ? null : nsOf(until), actions });
  }
  return resumed;
}
