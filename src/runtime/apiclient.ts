import { fail, ok } from '../model/problem.ts';
import type { Problem, Result } from '../model/problem.ts';
import { codeOf, textOf } from './files.ts';
import { apiToken, findHome } from './home.ts';
import { partRuns, readRun } from './run.ts';

const answerMsDefault = 30_000;
const answerBytesMax = 64 * 1024 * 1024;

/** The part of run.json whose address is the API's. */
export const apiPart = 'engine';

export type ApiAnswer = { readonly status: number; /** JSON, else the text. */ readonly body: unknown };

/**
 * Asks the engine of FLYBALL_HOME (run.json) with its token. Fails (`E-NO-ENGINE`) when none runs or none answers; an answer with an
 * error status is an answer.
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
  const { method, path, body, env = process.env, cwd = process.cwd(), answerMsMax = answerMsDefault } = call;
  const home = findHome({ env, cwd });
  if (!home.ok) return home;
  const run = readRun(home.value);
  if (!run.ok) return run;
  const part = run.value.parts[apiPart];
  if (part === undefined || part.address === null || !partRuns(part)) return fail(noEngine('no engine runs in this home', home.value.root));
  const token = apiToken(home.value);
  if (!token.ok) return token;
  try {
    const response = await fetch(new URL(path, part.address), {
      method,
      headers: { authorization: `Bearer ${token.value}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(answerMsMax),
      redirect: 'error',
    });
    return ok({ status: response.status, body: parse(await readText(response)) });
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return fail(noEngine(`the engine does not answer: ${codeOf(cause) || textOf(cause)}`, part.address));
  }
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > answerBytesMax) throw new Error(`the answer is larger than ${answerBytesMax} characters`);
  }
  return text + decoder.decode();
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
