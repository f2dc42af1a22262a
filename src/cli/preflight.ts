import { statfsSync, lstatSync } from 'node:fs';
import type { HoldStatus } from '../core/hold/types.ts';
import type { StatusView } from '../engine/views.ts';
import type { Problem, Result } from '../model/problem.ts';
import { callApi } from '../runtime/apiclient.ts';
import { findBus, openBus } from '../runtime/bus.ts';
import { findHome, type Home } from '../runtime/home.ts';
import { readVerifier } from '../runtime/keys.ts';
import { findDatabase } from '../runtime/postgres.ts';
import { openStore } from '../runtime/store.ts';
import { askSockets } from './desks.ts';

/** One line of a pre-flight: what was looked at, how it is, and where it is not right, what to do. */
export type Finding = { readonly what: string; readonly is: 'ok' | 'WARN' | 'FAIL'; readonly detail: string; readonly hint: string };

const nodeMin = [20, 19] as const;
const freeBytesMin = 1024 * 1024 * 1024;
const answerMsMax = 2_000;
const gib = 1024 ** 3;

const fine = (what: string, detail: string): Finding => ({ what, is: 'ok', detail, hint: '' });
const wrong = (what: string, { what: detail, todo }: Pick<Problem, 'what' | 'todo'>): Finding => ({ what, is: 'FAIL', detail, hint: todo });
const doubtful = (what: string, detail: string, hint: string): Finding => ({ what, is: 'WARN', detail, hint });

/** Everything that must be right before, or while, Flyball runs here; each looked at by itself, so that one fault hides no other. */
export async function preflight(env: NodeJS.ProcessEnv, cwd: string): Promise<readonly Finding[]> {
  const home = findHome({ env, cwd });
  if (!home.ok) return [node(), wrong('home', home.problem)];
  const found = await Promise.all([database(home.value, env), bus(home.value, env), engine(env), adapters()]);
  return [node(), folder(home.value), space(home.value), keys(home.value), ...found.flat()];
}

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isNew = major > nodeMin[0] || (major === nodeMin[0] && minor >= nodeMin[1]);
  return isNew
    ? fine('node', process.versions.node)
    : wrong('node', { what: process.versions.node, todo: `install ${nodeMin.join('.')} or newer` });
}

function folder({ root }: Home): Finding {
  const { mode, uid } = lstatSync(root);
  if (uid !== (process.getuid?.() ?? uid))
    return wrong('home', { what: `${root} is another user's`, todo: 'set FLYBALL_HOME to a folder of yours' });
  if ((mode & 0o077) !== 0) return wrong('home', { what: `${root} is open to others`, todo: `chmod 700 ${root}` });
  return fine('home', root);
}

function space({ root }: Home): Finding {
  const { bavail, bsize } = statfsSync(root);
  const free = bavail * bsize;
  const text = `${(free / gib).toFixed(1)} GiB free`;
  return free >= freeBytesMin ? fine('disk', text) : doubtful('disk', text, 'make room: a full disk stops new tables, not those in force');
}

function keys(home: Home): Finding {
  const read = readVerifier(home.keys);
  return read.ok ? fine('keys', home.keys) : wrong('keys', read.problem);
}

async function database(home: Home, env: NodeJS.ProcessEnv): Promise<readonly Finding[]> {
  const found = findDatabase(home, env);
  if (!found.ok) return [wrong('database', found.problem)];
  const store = await openStore(found.value);
  if (!store.ok) return [wrong('database', store.problem)];
  try {
    const { holder, epoch } = await store.value.leader();
    const about = `PostgreSQL ${store.value.about.version}, ${found.value.address}`;
    return [fine('database', about), holder === '' ? fine('leader', 'nobody has led yet') : fine('leader', `${holder}, epoch ${epoch}`)];
  } catch (error) {
    return [wrong('database', { what: String(error), todo: 'see that it runs, and that `flyball engine` has made its tables' })];
  } finally {
    await store.value.close();
  }
}

async function bus(home: Home, env: NodeJS.ProcessEnv): Promise<readonly Finding[]> {
  const entry = findBus(home, env, { role: 'engine' });
  if (!entry.ok) return [wrong('bus', entry.problem)];
  const opened = await openBus(entry.value, 'member', 'flyball check', { waitMs: answerMsMax });
  if (!opened.ok) return [wrong('bus', opened.problem)];
  try {
    await opened.value.flush();
    return [fine('bus', `${opened.value.kind}, ${opened.value.address}`)];
  } catch (error) {
    return [
      wrong('bus', {
        what: `it does not answer: ${String(error)}`,
        todo: 'targets keep their tables; see nats-server, or the engine that serves the local bus',
      }),
    ];
  } finally {
    await opened.value.close();
  }
}

async function engine(env: NodeJS.ProcessEnv): Promise<readonly Finding[]> {
  const answer: Result<{ readonly status: number; readonly body: unknown }> = await callApi({
    method: 'GET',
    path: '/v1/status',
    env,
    answerMsMax,
  });
  if (!answer.ok) return [wrong('engine', answer.problem)];
  if (answer.value.status !== 200) return [wrong('engine', { what: `it answers ${answer.value.status}`, todo: 'see its log' })];
  const { lead, rules, targets, problems } = answer.value.body as StatusView;
  return [
    fine('engine', `${lead.id} is the ${lead.role}, epoch ${lead.leader?.epoch ?? 0}; ${rules.length} rules, ${targets.length} targets`),
    ...problems.map(({ code, what, at, todo }) =>
      code.startsWith('E-')
        ? wrong(`engine: ${at}`, { what: `${code} ${what}`, todo })
        : doubtful(`engine: ${at}`, `${code} ${what}`, todo),
    ),
  ];
}

async function adapters(): Promise<readonly Finding[]> {
  const asked = await askSockets(
    () => true,
    () => ({}),
  );
  if (asked.length === 0)
    return [doubtful('adapters', 'none has a socket in this home', 'without one here, freeze goes through the engine only')];
  return asked.map(({ target, answer }) => {
    const name = `adapter ${target}`;
    if (!answer.ok) return wrong(name, answer.problem);
    const { ready, revision, mode, provisional } = answer.value.body as HoldStatus;
    if (!ready) return doubtful(name, revision === null ? 'nothing held' : 'its device has not taken its table', 'see its log');
    if (mode !== null) return doubtful(name, `under a ${mode}`, `flyball resume --target ${target}`);
    if (provisional) return doubtful(name, 'its table is from storage', 'no engine has answered it yet');
    return fine(name, `revision ${revision} in force`);
  });
}
