import { callApi } from '../../runtime/apiclient.ts';
import { findHome } from '../../runtime/home.ts';
import { answers } from '../../runtime/http.ts';
import { partRuns, readRun } from '../../runtime/run.ts';
import { outputOption, type Command, type Values } from '../command.ts';
import { preflight } from '../preflight.ts';
import { formatOf, print, say } from '../print.ts';

/** Whether what should run does; for whoever starts it again when not. */
export const check: Command = {
  name: 'check',
  args: '[PART|URL…]',
  about: 'pre-flight: home, keys, database, bus, engine, adapters, each with a hint; or whether parts or addresses answer',
  options: { output: outputOption },
  more:
    '  Without arguments a line for everything that must be right. Exit code 1 when something fails; a warning alone is 0.\n' +
    '  PART is engine or adapter.TARGET: for health checks, silent when it is ready; exit code 1, and why, when not.',
  run: async (positionals, values) => {
    if (positionals.length === 0) return await everything(values);
    const all = await Promise.all(
      positionals.map(async (one) => ({ one, why: /^https?:/.test(one) ? await answers(one) : await partWhy(one) })),
    );
    for (const { one, why } of all) if (why !== null) say(`${one}: ${why}`);
    return all.every(({ why }) => why === null) ? 0 : 1;
  },
};

async function everything(values: Values): Promise<number> {
  const found = await preflight(process.env, process.cwd());
  print(formatOf(values), {
    value: found,
    rows: found.map(({ what, is, detail, hint }) => ({ is, what, detail, hint })),
    names: found.filter(({ is }) => is === 'FAIL').map(({ what }) => what),
  });
  return found.some(({ is }) => is === 'FAIL') ? 1 : 0;
}

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
