import type { Problem } from '../model/problem.ts';
import { callApi } from '../runtime/apiclient.ts';
import { problemText, say } from './print.ts';

/** The engine could not be asked; exit code 2. */
export class Unreachable extends Error {}

/**
 * Asks the engine that FLYBALL_HOME's run.json names. Returns the body, or null after printing the problems that the engine answered with.
 * Throws Unreachable, with what to do, when no engine answers.
 */
export async function ask<T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<T | null> {
  const answer = await callApi({ method, path, ...(body === undefined ? {} : { body }) });
  if (!answer.ok) throw new Unreachable(`${answer.problem.what} · ${answer.problem.todo}`);
  if (answer.value.status < 400) return answer.value.body as T;
  const { problems } = answer.value.body as { readonly problems?: readonly Problem[] };
  for (const p of problems ?? []) say(problemText(p));
  return null;
}
