import type { OverrideView } from '../../engine/views.ts';
import { userName } from '../../runtime/home.ts';
import type { Problem } from '../../model/problem.ts';
import type { OverrideScope } from '../../model/override.ts';
import { callApi } from '../../runtime/apiclient.ts';
import { ask, Unreachable } from '../client.ts';
import { flag, outputOption, text, UsageError, type Command, type Values } from '../command.ts';
import { askSockets } from '../desks.ts';
import { formatOf, print, problemText, say } from '../print.ts';
import { idsGiven, scopeOptions, scopesGiven } from './override.ts';

export const resume: Command = {
  name: 'resume',
  args: '[RULE]',
  about: 'lifts a freeze, revert or off; lets a rule go on where it is latched, or where an unmet `expect` withdrew it',
  options: {
    ...scopeOptions,
    id: { type: 'string', multiple: true, value: 'ID', about: 'one override as status shows it; may be repeated' },
    key: { type: 'string', value: 'JSON', about: 'one key of RULE as status shows it (default: every key that waits)' },
    reason: { type: 'string', value: 'TEXT', about: 'why, kept in the audit' },
    author: { type: 'string', value: 'NAME', about: 'who (default: the user)' },
    local: { type: 'boolean', about: 'only at the adapters of this home, through their sockets; --target or --all' },
    output: outputOption,
  },
  more:
    '  --all lifts every override; --target, --rule and --owner those of just that scope. RULE lifts those of the rule, too.\n' +
    '  A latched key is clear at the next instant, and may fire again; a withdrawn one is asked for again while it fires.\n' +
    '  Exit code 1: nothing was lifted and nothing waits.',
  run: async (args, values) => {
    const [rule] = args;
    const scopes = scopesGiven(values);
    if (args.length > 1 || (rule === undefined && scopes.length === 0 && idsGiven(values).length === 0))
      throw new UsageError('say which rule, or --id, --all, --target, --rule or --owner');
    if (flag(values, 'local')) return await liftHere(scopes, values);
    const who = { author: text(values, 'author') ?? userName(), reason: text(values, 'reason') ?? '' };
    const lifted = await lift([...scopes, ...(rule === undefined ? [] : [{ kind: 'rule', name: rule } as const])], values, who);
    if (lifted === null) return 1;
    const keys = rule === undefined ? [] : await letGo(rule, { key: text(values, 'key') ?? null, ...who }, lifted.length > 0);
    if (keys === null) return 1;
    const rows = [...lifted.map((id) => ({ what: 'override', name: id, is: 'lifted' })), ...keys.map((key) => ({ what: rule ?? '', name: key, is: 'resumed' }))]; // prettier-ignore
    if (rows.length === 0) say('nothing of that scope is in force');
    print(formatOf(values), { value: { overrides: lifted, keys }, rows, names: [...lifted, ...keys] });
    return rows.length === 0 ? 1 : 0;
  },
};

type Who = { readonly author: string; readonly reason: string };

/** Ids of what was lifted; null: it could not be, and that was said. */
async function lift(scopes: readonly OverrideScope[], values: Values, who: Who): Promise<readonly string[] | null> {
  const all = await ask<readonly OverrideView[]>('GET', '/v1/overrides');
  if (all === null) return null;
  const isAll = scopes.some(({ kind }) => kind === 'all');
  const same = (a: OverrideScope, b: OverrideScope): boolean =>
    a.kind === b.kind && (a.kind === 'all' || (b.kind !== 'all' && a.name === b.name));
  const ids = [
    ...new Set([...idsGiven(values), ...all.filter(({ scope }) => isAll || scopes.some((one) => same(one, scope))).map(({ id }) => id)]),
  ];
  if (ids.length === 0) return [];
  const lifted = await ask<{ readonly ids: readonly string[] }>('POST', '/v1/overrides/lift', { ids, ...who });
  return lifted?.ids ?? null;
}

/** Keys that go on. Where an override was lifted, a rule without waiting keys is no fault. */
async function letGo(rule: string, body: Who & { readonly key: string | null }, isEnough: boolean): Promise<readonly string[] | null> {
  const answer = await callApi({ method: 'POST', path: `/v1/rules/${encodeURIComponent(rule)}/resume`, body });
  if (!answer.ok) throw new Unreachable(`${answer.problem.what} · ${answer.problem.todo}`);
  if (answer.value.status < 400) return (answer.value.body as { readonly keys: readonly string[] }).keys;
  if (isEnough) return [];
  for (const problem of (answer.value.body as { readonly problems?: readonly Problem[] }).problems ?? []) say(problemText(problem));
  return null;
}

/** At the adapters themselves: the engine's own record still says what it said, and repeats nothing that was lifted. */
async function liftHere(scopes: readonly OverrideScope[], values: Values): Promise<number> {
  const isAsked = (target: string): boolean =>
    scopes.some((scope) => scope.kind === 'all' || (scope.kind === 'target' && scope.name === target));
  const ids = idsGiven(values);
  const answers = await askSockets(isAsked, () => ({ lift: ids.length > 0 ? ids : null }));
  const rows = answers.map(({ target, answer }) => ({ target, is: answer.ok && answer.value.status === 200 ? 'lifted' : 'NOT LIFTED' }));
  for (const { answer } of answers) if (!answer.ok) say(problemText(answer.problem));
  if (rows.length === 0) say('no adapter of that scope runs in this home');
  print(formatOf(values), { value: rows, rows, names: rows.map(({ target }) => target) });
  return rows.length > 0 && rows.every(({ is }) => is === 'lifted') ? 0 : 1;
}
