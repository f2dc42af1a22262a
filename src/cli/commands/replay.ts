import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { checkRuleText } from '../../core/rule/checktext.ts';
import { createReplay, endReplay, formatChange, replayLine, resultOf } from '../../core/replay.ts';
import { readLines } from '../../runtime/lines.ts';
import { flag, oneOf, text, UsageError, type Command } from '../command.ts';
import { problemText, say } from '../print.ts';
import { progress } from '../progress.ts';
import { ruleFilesOf } from '../rulefiles.ts';

const badShown = 10;

export const replay: Command = {
  name: 'replay',
  args: '',
  about: 'runs recorded lines through rules: one JSON line for each change of state or verdict',
  options: {
    rules: { type: 'string', value: 'DIR', about: 'rule folders' },
    records: { type: 'string', value: 'FILE|-', about: 'JSON lines: records, ticks, source lines' },
    format: { type: 'string', value: 'jsonl|otlp-json', about: 'of the records (default jsonl)' },
    plan: { type: 'boolean', about: 'also print the diffs that would be published' },
    out: { type: 'string', value: 'FILE', about: 'write there instead of to standard output' },
  },
  more: '  No database, no network, no clock: the same input gives the same bytes. With a rule that would be refused it writes nothing and exits with 2.',
  run: async (_args, values) => {
    const [rules, records] = [text(values, 'rules'), text(values, 'records')];
    if (rules === undefined || records === undefined) throw new UsageError('replay takes --rules and --records');
    if (oneOf(values, 'format', ['jsonl', 'otlp-json'] as const, 'jsonl') === 'otlp-json') return notYet('--format otlp-json');
    if (flag(values, 'plan')) return notYet('--plan');
    const checked = ruleFilesOf([rules]).map((file) => checkRuleText(readFileSync(file, 'utf8'), file, 1));
    for (const { compiled, problems } of checked) if (compiled === null) for (const p of problems) say(problemText(p));
    if (checked.some((c) => c.compiled === null)) return 2;
    const state = createReplay(checked.flatMap((c) => (c.compiled === null ? [] : [c.compiled])));
    const path = text(values, 'out');
    const out = path === undefined ? 1 : openSync(path, 'w');
    const bar = progress();
    for await (const { lines, bytesRead, bytesTotal } of readLines(records)) {
      const changes = lines.flatMap((line) => replayLine(state, line));
      writeAll(out, changes.map((c) => `${formatChange(c)}\n`).join(''));
      bar.at(bytesTotal === null || bytesTotal === 0 ? null : bytesRead / bytesTotal, `${state.lines} lines`);
    }
    writeAll(out, endReplay(state).map((c) => `${formatChange(c)}\n`).join('')); // prettier-ignore
    bar.end();
    if (path !== undefined) closeSync(out);
    const { bad } = resultOf(state);
    for (const b of bad.first.slice(0, badShown)) say(`${records}:${b.number}: ${b.problem.what}`);
    if (bad.count > 0) say(`${bad.count} lines are no records and were passed over`);
    return 0;
  },
};

function notYet(what: string): number {
  say(`flyball replay: E-NOT-YET ${what} is not built in this version`);
  return 2;
}

/** A pipe takes what it can: the rest is written again. */
function writeAll(file: number, text_: string): void {
  const bytes = Buffer.from(text_, 'utf8');
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(file, bytes, at);
    } catch (error) {
      // A non-blocking pipe that is full; its reader will get to it.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}
