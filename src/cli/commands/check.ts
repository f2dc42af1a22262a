import { callApi } from '../../runtime/apiclient.ts';
import { findHome } from '../../runtime/home.ts';
import { answers } from '../../runtime/http.ts';
import { partRuns, readRun } from '../../runtime/run.ts';
import { UsageError, type Command } from '../command.ts';
import { say } from '../print.ts';

/** Whether what should run does; for whoever starts it again when not. */
export const check: Command = {
  name: 'check',
  args: 'PART|URL…',
  about: 'whether parts of this home are ready (engine, adapter.TARGET), or an address answers: for health checks',
  options: {},
  more: '  Exit code 1, and a line for each that is not. `flyball status` says how well they are.',
  run: async (positionals) => {
    if (positionals.length === 0) throw new UsageError('check takes the name of a part or an address');
    const all = await Promise.all(
      positionals.map(async (one) => ({ one, why: /^https?:/.test(one) ? await answers(one) : await partWhy(one) })),
    );
    for (const { one, why } of all) if (why !== null) say(`${one}: ${why}`);
    return all.every(({ why }) => why === null) ? 0 : 1;
  },
};

/** null: it is ready. A part writes itself into run.json when it is. */
async function partWhy(name: string): Promise<string | null> {
  const home = findHome({ env: process.env, cwd: process.cwd() });
  if (!home.ok) return home.problem.what;
  const run = readRun(home.value);
  if (!run.ok) return run.problem.what;
  const part = run.value.parts[name];
  if (part === undefined || !partRuns(part)) return 'is not ready';
  if (name !== 'engine') return null;
  const answer = await callApi({ method: 'GET', path: '/v1/status' });
  if (!answer.ok) return answer.problem.what;
  return answer.value.status === 200 ? null : `answers ${answer.value.status}`;
}
