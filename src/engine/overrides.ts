import { overrideMsDefault, overrideMsMax, textCharsMax } from '../core/limits.ts';
import type { Input, Loop } from '../core/loop/types.ts';
import { coversTarget, scopeText } from '../model/override.ts';
import type { Override } from '../model/override.ts';
import { fail, ok } from '../model/problem.ts';
import type { Problem } from '../model/problem.ts';
import type { Clock } from '../ports/clock.ts';
import type { Random } from '../ports/random.ts';
import type { Store } from '../ports/store.ts';
import type { EngineHandle } from './handle.ts';
import type { OverrideView } from './views.ts';

/** What has not reached the database yet, kept where a crash of the engine does not lose it. */
export type Pending = { readonly read: () => readonly Override[]; readonly write: (overrides: readonly Override[]) => void };

export type OverrideDesk = {
  readonly set: EngineHandle['override'];
  readonly lift: EngineHandle['lift'];
  /** One that was set at an adapter. */
  readonly learned: (override: Override) => void;
  /** Those of the record and those that are still on their way to it, as inputs; throws while the database is away. */
  readonly saved: () => Promise<readonly Input[]>;
  /** Before every commit: what a person set comes first. false: the database is away. */
  readonly flush: () => Promise<boolean>;
};

/** Freeze, revert and off: sent at once, recorded as soon as the database answers, lifted only by what is committed (protocol.md section 6). */
export function createOverrides(with_: {
  readonly store: Store;
  readonly loop: Loop;
  readonly clock: Clock;
  readonly random: Random;
  readonly pending: Pending;
  readonly give: (...inputs: readonly Input[]) => void;
  readonly say: (line: string) => void;
}): OverrideDesk {
  const { store, loop, clock, random, pending, give, say } = with_;
  let waiting = pending.read();
  let flushing: Promise<boolean> | null = null;

  const flushNow = async (): Promise<boolean> => {
    while (waiting.length > 0) {
      const batch = waiting;
      try {
        await store.saveOverrides(batch);
      } catch (error) {
        say(`overrides wait for the database: ${error instanceof Error ? error.message : String(error)}`);
        return false;
      }
      waiting = waiting.filter((one) => !batch.includes(one));
      pending.write(waiting);
    }
    return true;
  };
  const flush = (): Promise<boolean> => {
    if (waiting.length === 0) return Promise.resolve(true);
    return (flushing ??= flushNow().finally(() => (flushing = null)));
  };
  const keep = (override: Override): void => {
    waiting = [...waiting, override];
    pending.write(waiting);
  };
  return {
    set: ({ id, mode, scope, by, reason, forMs }) => {
      const ms = forMs ?? overrideMsDefault;
      const wrong =
        scope.kind === 'target' && !loop.lead.targets.has(scope.name)
          ? `no target ${JSON.stringify(scope.name)}`
          : ruleProblem(loop, scope);
      if (wrong !== null) return fail(problem('E-OVERRIDE-SCOPE', wrong, 'flyball status names targets and rules'));
      if (!Number.isSafeInteger(ms) || ms <= 0 || ms > overrideMsMax)
        return fail(
          problem(
            'E-OVERRIDE-TIME',
            `an override lasts up to ${overrideMsMax / 3_600_000} h, not ${ms} ms`,
            'give --for less, and set it anew when it is over',
          ),
        );
      const at = Math.floor(clock.now());
      const override: Override = { id: id ?? random.hex(16), scope, mode, by, reason: reason.slice(0, textCharsMax), at, until: at + ms };
      keep(override);
      give({ kind: 'override', override, isNew: true });
      void flush();
      return ok(viewOf(loop, override));
    },
    lift: async ({ ids, author, reason }) => {
      const here = ids.filter((id) => loop.lead.overrides.has(id));
      const unknown = ids.find((id) => !loop.lead.overrides.has(id));
      if (unknown !== undefined || here.length === 0)
        return fail(problem('E-OVERRIDE-NONE', `no override ${unknown ?? ''} is in force`, 'flyball status shows those that are'));
      try {
        if (!(await flush()))
          return fail(
            problem(
              'E-DB-DOWN',
              'the database does not answer',
              'an override is lifted by a commit: try again, or at the adapter with --local',
            ),
          );
        await store.liftOverrides(here, clock.now());
      } catch (error) {
        return fail(
          problem(
            'E-DB-DOWN',
            error instanceof Error ? error.message : String(error),
            'nothing was lifted: try again, or at the adapter with --local',
          ),
        );
      }
      give({ kind: 'lift', ids: here, author, reason });
      return ok(here);
    },
    learned: (override) => {
      keep(override);
      void flush();
    },
    saved: async () => {
      const { active, lifted } = await store.overrides(clock.now());
      const known = new Set([...active.map(({ id }) => id), ...lifted]);
      const inputs: Input[] = [...active, ...waiting.filter(({ id }) => !known.has(id))].map((override) => ({
        kind: 'override',
        override,
        isNew: false,
      }));
      return lifted.length === 0 ? inputs : [{ kind: 'lift', ids: lifted, author: '', reason: '' }, ...inputs];
    },
    flush,
  };
}

/** Active overrides with the targets that have said they stand under them. */
export const overrideViews = (loop: Loop, nowMs: number): readonly OverrideView[] =>
  [...loop.lead.overrides.values()].filter(({ until }) => until > nowMs).map((one) => viewOf(loop, one));

function viewOf(loop: Loop, override: Override): OverrideView {
  const isPlanned = override.scope.kind === 'rule' || override.scope.kind === 'owner';
  const covered = [...loop.lead.targets.values()].filter(({ name, row }) => row !== null && (isPlanned || coversTarget(override, name)));
  // The engine plans by it at once: it holds where the newest table is accepted.
  const has = (one: (typeof covered)[number]): boolean => (isPlanned ? one.acked === one.row?.revision : one.overrides.has(override.id));
  const names = (of: typeof covered): readonly string[] => of.map(({ name }) => name).toSorted();
  return { ...override, confirmed: names(covered.filter(has)), unconfirmed: names(covered.filter((one) => !has(one))) };
}

function ruleProblem(loop: Loop, scope: Override['scope']): string | null {
  const rules = [...loop.rules.values()].map(({ rule }) => rule);
  if (scope.kind === 'rule') return rules.some(({ name }) => name === scope.name) ? null : `no rule ${JSON.stringify(scope.name)}`;
  if (scope.kind === 'owner')
    return rules.some(({ owner }) => owner === scope.name) ? null : `no rule of an owner ${JSON.stringify(scope.name)}`;
  return null;
}

const problem = (code: Problem['code'], what: string, todo: string): Problem => ({ code, what, at: 'override', todo });

/** For the status: each says that something is not as it would be by the rules alone. */
export const overrideProblems = (views: readonly OverrideView[]): readonly Problem[] =>
  views.map(({ id, mode, scope, by, until, unconfirmed, reason }) => ({
    code: 'W-OVERRIDE' as const,
    what: `${mode} by ${by} until ${new Date(until).toISOString()}: ${reason === '' ? 'no reason given' : reason}${unconfirmed.length > 0 ? `; unconfirmed: ${unconfirmed.join(', ')}` : ''}`,
    at: scopeText(scope),
    todo: `flyball resume --id ${id}`,
  }));
