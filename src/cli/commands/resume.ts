import { userName } from '../../runtime/home.ts';
import { ask } from '../client.ts';
import { flag, outputOption, text, UsageError, type Command, type Values } from '../command.ts';
import { formatOf, print } from '../print.ts';

export const resume: Command = {
  name: 'resume',
  args: 'RULE | --restored',
  about: 'lets a rule go on where it is latched or withdrawn; or everything, after the database was restored from a backup',
  options: {
    output: outputOption,
    key: { type: 'string', value: 'JSON', about: 'one key as status shows it (default: every key that waits)' },
    restored: { type: 'boolean', about: 'accept the history of a restored database, though targets have seen a newer one' },
    reason: { type: 'string', value: 'TEXT', about: 'why, kept in the audit' },
    author: { type: 'string', value: 'NAME', about: 'who (default: the user)' },
  },
  more: '  A latched key is clear at the next instant, and may fire again; a withdrawn one is asked for again while it fires. Exit code 1: nothing waits.',
  run: async (args, values) => {
    const said = { author: text(values, 'author') ?? userName(), reason: text(values, 'reason') ?? '' };
    if (flag(values, 'restored')) return args.length === 0 ? await restored(values, said) : misused('--restored takes no rule');
    const [rule] = args;
    if (rule === undefined || args.length > 1) throw new UsageError('which rule?');
    const body = { key: text(values, 'key') ?? null, ...said };
    const resumed = await ask<{ readonly keys: readonly string[] }>('POST', `/v1/rules/${encodeURIComponent(rule)}/resume`, body);
    if (resumed === null) return 1;
    print(formatOf(values), { value: resumed, rows: resumed.keys.map((key) => ({ rule, key, is: 'resumed' })), names: resumed.keys });
    return 0;
  },
};

/** Everything that targets have seen and the record has lost is given up. */
async function restored(values: Values, said: { readonly author: string; readonly reason: string }): Promise<number> {
  const resumed = await ask<{ readonly targets: readonly string[] }>('POST', '/v1/resume-restored', said);
  if (resumed === null) return 1;
  print(formatOf(values), {
    value: resumed,
    rows: resumed.targets.map((target) => ({ target, is: 'brought back above what it has seen' })),
    names: resumed.targets,
  });
  return 0;
}

function misused(what: string): never {
  throw new UsageError(what);
}
