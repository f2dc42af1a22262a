import { userName } from '../../runtime/home.ts';
import { ask } from '../client.ts';
import { outputOption, text, UsageError, type Command } from '../command.ts';
import { formatOf, print } from '../print.ts';

export const resume: Command = {
  name: 'resume',
  args: 'RULE',
  about: 'lets a rule go on where it is latched, or where an unmet `expect` withdrew it',
  options: {
    output: outputOption,
    key: { type: 'string', value: 'JSON', about: 'one key as status shows it (default: every key that waits)' },
    reason: { type: 'string', value: 'TEXT', about: 'why, kept in the audit' },
    author: { type: 'string', value: 'NAME', about: 'who (default: the user)' },
  },
  more: '  A latched key is clear at the next instant, and may fire again; a withdrawn one is asked for again while it fires. Exit code 1: nothing waits.',
  run: async (args, values) => {
    const [rule] = args;
    if (rule === undefined || args.length > 1) throw new UsageError('which rule?');
    const body = { key: text(values, 'key') ?? null, author: text(values, 'author') ?? userName(), reason: text(values, 'reason') ?? '' };
    const resumed = await ask<{ readonly keys: readonly string[] }>('POST', `/v1/rules/${encodeURIComponent(rule)}/resume`, body);
    if (resumed === null) return 1;
    print(formatOf(values), { value: resumed, rows: resumed.keys.map((key) => ({ rule, key, is: 'resumed' })), names: resumed.keys });
    return 0;
  },
};
