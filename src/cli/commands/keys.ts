import { openHome, type Home } from '../../runtime/home.ts';
import { listKeys, revokeKey, rotateKeys, type KeysView } from '../../runtime/keys/change.ts';
import { systemClock } from '../../runtime/clock.ts';
import type { Result } from '../../model/problem.ts';
import { outputOption, text, UsageError, type Command, type Option } from '../command.ts';
import { formatOf, print, refuse, say } from '../print.ts';

const rootOption: Option = { type: 'string', value: 'FILE', about: 'the private root key (default FLYBALL_HOME/keys/root.key)' };
const more = `  These commands work on the files of FLYBALL_HOME/keys; a running engine reads them again within a second, and adapters hear of it with
  the next head. root.key may be kept elsewhere: only rotate and revoke need it.`;

export const keysList: Command = {
  name: 'keys ls',
  args: '',
  about: 'the key set: which keys engines may sign with, and until when',
  options: { output: outputOption },
  run: async (args, values) => {
    if (args.length > 0) throw new UsageError('keys ls takes no names');
    const home = homeOf();
    const keys: Result<KeysView> = home.ok ? listKeys(home.value.keys, now()) : home;
    if (!keys.ok) return refuse(keys);
    const { version, root } = keys.value;
    say(`version ${version} of the key set; the root key is ${root.here ? 'here' : 'not here'}`);
    const rows = keys.value.keys.map(({ id, from, to, state, here }) => ({
      id,
      from: at(from),
      to: at(to),
      state,
      private: here ? 'here' : 'not here',
    }));
    print(formatOf(values), { value: keys.value, rows, names: keys.value.keys.map(({ id }) => id) });
    return 0;
  },
};

export const keysRotate: Command = {
  name: 'keys rotate',
  args: '',
  about: 'makes a new key; engines sign with it once every live target knows it, or after a day',
  options: { output: outputOption, root: rootOption },
  more: `${more}\n  Keys before it are over after two days.`,
  run: async (args, values) => {
    if (args.length > 0) throw new UsageError('keys rotate takes no names');
    const home = homeOf();
    const made = home.ok ? rotateKeys(home.value.keys, now(), text(values, 'root') ?? null) : home;
    if (!made.ok) return refuse(made);
    const { id, set } = made.value;
    print(formatOf(values), { value: { id, version: set.version }, rows: [{ id, version: set.version, is: 'made' }], names: [id] });
    return 0;
  },
};

export const keysRevoke: Command = {
  name: 'keys revoke',
  args: 'ID',
  about: 'takes a key out: what it signs is refused at once; tables that it signed stay',
  options: { output: outputOption, root: rootOption },
  more,
  run: async (args, values) => {
    const [id] = args;
    if (id === undefined || args.length > 1) throw new UsageError('which key? see flyball keys ls');
    const home = homeOf();
    const left = home.ok ? revokeKey(home.value.keys, id, now(), text(values, 'root') ?? null) : home;
    if (!left.ok) return refuse(left);
    const { version } = left.value;
    print(formatOf(values), { value: { id, version }, rows: [{ id, version, is: 'revoked' }], names: [id] });
    return 0;
  },
};

const homeOf = (): Result<Home> => openHome({ env: process.env, cwd: process.cwd(), say });
const now = (): number => Math.floor(systemClock().now());
const at = (ms: number | null): string | null => (ms === null || ms === 0 ? null : new Date(ms).toISOString());
