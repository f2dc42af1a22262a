import { fail, ok } from '../model/problem.ts';
import type { Problem, Result } from '../model/problem.ts';
import { isLoopback } from './access/listen.ts';
import { tlsFilesProblem, unverifiedProblem } from './access/tls.ts';
import { codeOf, readIfThere, textOf } from './files.ts';
import { apiToken, findHome } from './home.ts';
import { httpRequest } from './httprequest.ts';
import { partRuns, readRun } from './run.ts';

const answerMsDefault = 30_000;
const answerBytesMax = 64 * 1024 * 1024;

/** The part of run.json whose address is the API's; one home may have more engines, with a name each: "engine.b". */
export const apiPart = 'engine';
/** Says whether the engine that answers leads. */
const roleHeader = 'flyball-role';

export type ApiAnswer = { readonly status: number; /** JSON, else the text. */ readonly body: unknown };

/**
 * Asks the engine of FLYBALL_HOME (run.json) with its token, of several the one that leads, else whoever answers; or the one at FLYBALL_URL with FLYBALL_TOKEN or the token in
 * FLYBALL_TOKEN_FILE, over TLS (FLYBALL_CA: whom to trust instead of the system's authorities) unless it is on this machine. Fails
 * (`E-NO-ENGINE`) when none runs or none answers, `E-TLS-UNVERIFIED`, `E-TOKEN`; an answer with an error status is an answer.
 */
export async function callApi(call: {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** How long to wait for the answer (30 s). */
  readonly answerMsMax?: number;
}): Promise<Result<ApiAnswer>> {
  const { env = process.env, cwd = process.cwd() } = call;
  if (env['FLYBALL_URL']) {
    const server = remoteServer(env['FLYBALL_URL'], env);
    return server.ok ? await askOne(server.value, call) : server;
  }
  const home = findHome({ env, cwd });
  if (!home.ok) return home;
  const run = readRun(home.value);
  if (!run.ok) return run;
  const addresses = Object.entries(run.value.parts).flatMap(([name, part]) =>
    (name === apiPart || name.startsWith(`${apiPart}.`)) && part.address !== null && partRuns(part) ? [part.address] : [],
  );
  const token = apiToken(home.value);
  if (!token.ok) return token;
  let answer: Result<ApiAnswer> = fail(noEngine('no engine runs in this home', home.value.root));
  for (const url of addresses) {
    const next = await askOne({ url, token: token.value, ca: null }, call);
    if (next.ok || !answer.ok) answer = next.ok ? ok({ status: next.value.status, body: next.value.body }) : next;
    if (next.ok && next.value.leads) break;
  }
  return answer;
}

type Server = { readonly url: string; readonly token: string; readonly ca: string | null };
type Call = { readonly method: string; readonly path: string; readonly body?: unknown; readonly answerMsMax?: number };

async function askOne({ url, token, ca }: Server, call: Call): Promise<Result<ApiAnswer & { readonly leads: boolean }>> {
  const { method, path, body, answerMsMax = answerMsDefault } = call;
  try {
    const answer = await httpRequest({
      url: new URL(path, url),
      method,
      headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      body: body === undefined ? null : JSON.stringify(body),
      ca,
      msMax: answerMsMax,
      bytesMax: answerBytesMax,
    });
    return ok({ status: answer.status, body: parse(answer.text), leads: answer.headers[roleHeader] !== 'standby' });
  } catch (error) {
    return fail(noEngine(`the engine does not answer: ${codeOf(error) || textOf(error)}`, url));
  }
}

function remoteServer(text: string, env: NodeJS.ProcessEnv): Result<Server> {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.password !== '')
    return fail({ code: 'E-API-URL', what: 'FLYBALL_URL is not the address of an engine', at: 'FLYBALL_URL', todo: 'write it as https://host:port; the token goes into FLYBALL_TOKEN_FILE' }); // prettier-ignore
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    return fail({ code: 'E-TLS-UNVERIFIED', what: 'refused: the token would be sent in the clear', at: url.origin, todo: 'write https://' }); // prettier-ignore
  const unverified = url.protocol === 'https:' ? unverifiedProblem(env, url.origin) : null;
  if (unverified !== null) return fail(unverified);
  const ca = env['FLYBALL_CA'] || null;
  const wrong = tlsFilesProblem({ ca, cert: null, key: null });
  if (wrong !== null) return fail(wrong);
  const token = env['FLYBALL_TOKEN'] || (env['FLYBALL_TOKEN_FILE'] ? readIfThere(env['FLYBALL_TOKEN_FILE'])?.trim() : undefined);
  if (!token)
    return fail({ code: 'E-TOKEN', what: 'FLYBALL_URL needs a token', at: 'FLYBALL_TOKEN_FILE', todo: 'name the file that holds it' });
  if (!/^[!-~]{1,512}$/.test(token))
    return fail({ code: 'E-TOKEN', what: 'the token is not one', at: 'FLYBALL_TOKEN_FILE', todo: 'name the file that holds it, and nothing else' }); // prettier-ignore
  return ok({ url: url.origin, token, ca: ca === null ? null : readIfThere(ca) });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

const noEngine = (what: string, at: string): Problem => ({
  code: 'E-NO-ENGINE',
  what,
  at,
  todo: 'start one with `flyball up`, or set FLYBALL_HOME to the home of one that runs',
});
