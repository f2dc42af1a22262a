import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fail, ok, type Result } from '../../model/problem.ts';
import { openProblem, parseHostPort, readServerPem } from '../../runtime/access/listen.ts';
import { serverConfiguration, type ServerTls } from '../../runtime/access/natsconf.ts';
import { userNameOf, type BusUser } from '../../runtime/access/permissions.ts';
import { isRole, roles } from '../../runtime/access/roles.ts';
import { tlsFilesProblem } from '../../runtime/access/tls.ts';
import { makeToken, readTokens, revokeToken, rotateToken, tokenDaysDefault, viewOf, type MadeToken } from '../../runtime/access/tokens.ts';
import { adapterUser, busUsers, ensureBusUsers, revokeBusUser, rotateBusUser, seedFileOf, usersConfigFile, type KnownUser } from '../../runtime/access/users.ts'; // prettier-ignore
import { systemClock } from '../../runtime/clock.ts';
import { readIfThere, writeAtomic } from '../../runtime/files.ts';
import { openHome, userName, type Home } from '../../runtime/home.ts';
import { flag, outputOption, text, UsageError, type Command, type Option, type Values } from '../command.ts';
import { formatOf, print, problemText, refuse, say } from '../print.ts';

const daysOption: Option = { type: 'string', value: 'N', about: `how long it is valid (default ${tokenDaysDefault} days)` };
const reload =
  'a nats-server of your own reads them again at SIGHUP (`nats-server --signal reload`); the one of `flyball up` does so by itself';

export const authInit: Command = {
  name: 'auth init',
  args: '[TARGET…]',
  about: 'credentials for the bus: an nkey for the engine and for each target’s adapter, and a configuration of nats-server',
  options: {
    output: outputOption,
    listen: { type: 'string', value: 'HOST:PORT', about: 'where nats-server listens (default 127.0.0.1:4222)' },
    'tls-cert': { type: 'string', value: 'FILE', about: 'its certificate (PEM)' },
    'tls-key': { type: 'string', value: 'FILE', about: 'its private key (PEM, mode 0600)' },
    'tls-client-ca': { type: 'string', value: 'FILE', about: 'clients must show a certificate of this authority' },
    'insecure-listen': { type: 'boolean', about: 'it may be plain beyond this machine: records and acks are then readable on the wire' },
    out: { type: 'string', value: 'FILE', about: 'the configuration (default FLYBALL_HOME/nats-server.conf)' },
    force: { type: 'boolean', about: 'write it anew where another is there' },
  },
  more: '  Who is there keeps its key. Seeds are files of mode 0600 in FLYBALL_HOME/keys/nats; an adapter elsewhere takes its own with it and names\n  it by NATS_NKEY_FILE. The configuration holds public keys only.',
  run: (targets, values) =>
    atHome(async (home) => {
      const users: BusUser[] = [{ role: 'engine' }];
      for (const target of targets) {
        const user = adapterUser(target);
        if (!user.ok) return user;
        users.push(user.value);
      }
      const out = resolve(text(values, 'out') ?? join(home.root, 'nats-server.conf'));
      const configuration = configurationOf(home, out, values);
      if (!configuration.ok) return configuration;
      const there = readIfThere(out);
      if (there !== null && there !== configuration.value && !flag(values, 'force'))
        return fail({ code: 'E-AUTH-THERE', what: 'another configuration is there already', at: out, todo: '--force writes it anew; --out names another file' }); // prettier-ignore
      const made = await ensureBusUsers(home, users);
      if (!made.ok) return made;
      if (there !== configuration.value) writeAtomic(out, configuration.value);
      printUsers(values, home, made.value);
      say(`written: ${out}, which includes ${usersConfigFile(home)}`);
      say(`start it with: nats-server -c ${out}; ${reload}`);
      return ok(0);
    }),
};

export const authIssue: Command = {
  name: 'auth issue',
  args: 'adapter NAME | engine',
  about: 'credentials for the bus for one more target’s adapter',
  options: { output: outputOption },
  run: (args, values) =>
    atHome(async (home) => {
      const user = userOf(args);
      const made = user.ok ? await ensureBusUsers(home, [user.value]) : user;
      if (!made.ok) return made;
      if (user.ok && made.value.length === 0) say(`${userNameOf(user.value)} has credentials already: flyball auth rotate replaces them`);
      printUsers(values, home, made.value);
      if (made.value.length > 0) say(reload);
      return ok(made.value.length === 0 ? 1 : 0);
    }),
};

export const authLs: Command = {
  name: 'auth ls',
  args: '',
  about: 'who has credentials: users of the bus, tokens of the API',
  options: { output: outputOption },
  run: (_args, values) =>
    atHome(async (home) => {
      const [users, tokens] = [busUsers(home), readTokens(home)];
      if (!users.ok) return users;
      if (!tokens.ok) return tokens;
      const nowMs = systemClock().now();
      const rows = [
        ...users.value.map(({ user, key, since }) => ({ kind: 'bus', name: userNameOf(user), role: user.role, since, until: null, by: null, about: `${key.slice(0, 12)}…, seed ${existsSync(seedFileOf(home, user)) ? 'here' : 'elsewhere'}` })), // prettier-ignore
        ...tokens.value.map((t) => ({ kind: 'token', name: t.name, role: t.role, since: dateOf(t.made), until: dateOf(t.expires), by: t.by, about: t.expires <= nowMs ? 'EXPIRED' : 'valid' })), // prettier-ignore
      ];
      const value = { bus: users.value.map(({ user, key, since }) => ({ name: userNameOf(user), key, since })), tokens: tokens.value.map(viewOf) }; // prettier-ignore
      print(formatOf(values), { value, rows, names: rows.map((r) => r.name) });
      return ok(0);
    }),
};

export const authToken: Command = {
  name: 'auth token',
  args: 'ROLE',
  about: `a token for the HTTP API (${roles.join(', ')}), shown this once`,
  options: {
    output: outputOption,
    name: { type: 'string', value: 'NAME', about: 'whom it stands for: what the audit says they did' },
    days: daysOption,
  },
  more: '  viewer reads; author also saves and removes rules; operator also resumes, freezes, reverts and switches off; admin may do all of it,\n  and give out tokens. Its holder sets FLYBALL_URL and FLYBALL_TOKEN_FILE.',
  run: ([role, ...more], values) =>
    atHome(async (home) => {
      const name = text(values, 'name');
      if (!isRole(role) || more.length > 0) throw new UsageError(`which role: ${roles.join(', ')}?`);
      if (name === undefined) throw new UsageError('--name says whom the token stands for');
      return shown(await makeToken(home, { name, role, days: daysOf(values), by: userName() }, systemClock().now()), values);
    }),
};

export const authRotate: Command = {
  name: 'auth rotate',
  args: 'adapter NAME | engine | token NAME',
  about: 'new credentials in place of old ones, which are refused from then on',
  options: { output: outputOption, days: { ...daysOption, about: `${daysOption.about}; of a token` } },
  more: '  A part that runs in this home takes its new seed by itself. Elsewhere, put the new seed where NATS_NKEY_FILE says: until then the part\n  is without the bus, keeps its table, and ends leases on time.',
  run: (args, values) =>
    atHome(async (home) => {
      const [kind, name] = args;
      if (kind === 'token' && name !== undefined && args.length === 2)
        return shown(await rotateToken(home, { name, days: daysOf(values), by: userName() }, systemClock().now()), values);
      const user = userOf(args);
      const rotated = user.ok ? await rotateBusUser(home, user.value) : user;
      if (!rotated.ok) return rotated;
      printUsers(values, home, rotated.value);
      say(reload);
      return ok(0);
    }),
};

export const authRevoke: Command = {
  name: 'auth revoke',
  args: 'adapter NAME | engine | token NAME',
  about: 'takes credentials away; who holds them is refused from then on',
  options: {},
  run: (args) =>
    atHome(async (home) => {
      const [kind, name] = args;
      if (kind === 'token' && name !== undefined && args.length === 2) {
        const revoked = await revokeToken(home, name);
        if (revoked.ok) say(`token ${name} is revoked`);
        return revoked.ok ? ok(0) : revoked;
      }
      const user = userOf(args);
      const revoked = user.ok ? await revokeBusUser(home, user.value) : user;
      if (!revoked.ok) return revoked;
      say(`${args.join(' ')} is revoked: ${reload}`);
      return ok(0);
    }),
};

/** Credentials belong to the home; a running engine or nats-server sees that its file changed. "No" is exit code 1. */
async function atHome(run: (home: Home) => Promise<Result<number>>): Promise<number> {
  const home = openHome({ env: process.env, cwd: process.cwd(), say });
  if (!home.ok) return refuse(home);
  const done = await run(home.value);
  if (done.ok) return done.value;
  if (!['E-AUTH-NONE', 'E-TOKEN-NONE', 'E-TOKEN-NAME'].includes(done.problem.code)) return refuse(done);
  say(`flyball: ${problemText(done.problem)}`);
  return 1;
}

function userOf(args: readonly string[]): Result<BusUser> {
  const [kind, name] = args;
  if (kind === 'engine' && args.length === 1) return ok({ role: 'engine' });
  if (kind === 'adapter' && name !== undefined && args.length === 2) return adapterUser(name);
  throw new UsageError('whose credentials: adapter NAME, or engine?');
}

function configurationOf(home: Home, out: string, values: Values): Result<string> {
  const listen = text(values, 'listen') ?? '127.0.0.1:4222';
  const at = parseHostPort(listen);
  if (at === null) throw new UsageError(`--listen takes HOST:PORT, not ${JSON.stringify(listen)}`);
  const tls = tlsOf(values);
  if (!tls.ok) return tls;
  const pem = tls.value === null ? ok(null) : readServerPem(tls.value);
  if (!pem.ok) return pem;
  const open = openProblem({ ...at, tls: pem.value, insecure: flag(values, 'insecure-listen') });
  if (open !== null) return fail(open);
  const usersFile = relative(dirname(out), usersConfigFile(home));
  return ok(
    serverConfiguration({ name: 'flyball', listen, usersFile, log: null, jetstream: join(home.data, 'jetstream'), tls: tls.value }),
  );
}

function tlsOf(values: Values): Result<ServerTls | null> {
  const path = (name: string): string | null => {
    const given = text(values, name);
    return given === undefined ? null : resolve(given);
  };
  const [cert, key, clientCa] = [path('tls-cert'), path('tls-key'), path('tls-client-ca')];
  if ((cert === null) !== (key === null) || (cert === null && clientCa !== null))
    throw new UsageError('--tls-cert and --tls-key go together, and --tls-client-ca with them');
  if (cert === null || key === null) return ok(null);
  const problem = tlsFilesProblem({ ca: clientCa, cert, key });
  return problem === null ? ok({ cert, key, clientCa }) : fail(problem);
}

function daysOf(values: Values): number {
  const days = Number(text(values, 'days') ?? tokenDaysDefault);
  if (!Number.isInteger(days)) throw new UsageError('--days takes a whole number');
  return days;
}

/** The token alone goes to standard output, so that it can go straight into a file. */
function shown(made: Result<MadeToken>, values: Values): Result<number> {
  if (!made.ok) return made;
  const { token, name, role, expires } = made.value;
  const format = formatOf(values);
  if (format === 'table') process.stdout.write(`${token}\n`);
  else print(format, { value: made.value, rows: [], names: [token] });
  say(`token of ${name} (${role}) until ${dateOf(expires)}; it is not shown again`);
  return ok(0);
}

function printUsers(values: Values, home: Home, users: readonly KnownUser[]): void {
  const rows = users.map(({ user, key }) => ({ user: userNameOf(user), key, seed: seedFileOf(home, user) }));
  print(formatOf(values), { value: rows, rows, names: rows.map((r) => r.user) });
}

const dateOf = (ms: number): string => new Date(ms).toISOString();
