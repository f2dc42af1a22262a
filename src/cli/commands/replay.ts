import { closeSync, openSync, writeSync } from 'node:fs';
import { decodeTraces } from '../../../connectors/otlp/json.ts';
import { duplicateNames } from '../../core/rule/check.ts';
import { createReplay, endReplay, formatPrinted, replayLine, resultOf } from '../../core/replay.ts';
import { readLines } from '../../runtime/lines.ts';
import { flag, oneOf, text, UsageError, type Command } from '../command.ts';
import { problemText, say } from '../print.ts';
import { progress } from '../progress.ts';
import { readRuleFile, ruleFilesOf } from '../rulefiles.ts';

const badShown = 10;

export const replay: Command = {
  name: 'replay',
  args: '',
  about: 'runs recorded lines through rules: one JSON line for each change of state or verdict',
  options: {
    rules: { type: 'string', value: 'DIR', about: 'rule folders' },
    records: { type: 'string', value: 'FILE|-', about: 'JSON lines: records, ticks, source lines' },
    format: {
      type: 'string',
      value: 'jsonl|otlp-json',
      about: 'of the records (default jsonl); otlp-json: traces, an export request a line',
    },
    plan: { type: 'boolean', about: 'also print the diffs that would be published' },
    out: { type: 'string', value: 'FILE', about: 'write there instead of to standard output' },
  },
  more: '  No database, no network, no clock: the same input gives the same bytes. With a rule that would be refused it writes nothing and exits with 2.',
  run: async (_args, values) => {
    const [rules, records] = [text(values, 'rules'), text(values, 'records')];
    if (rules === undefined || records === undefined) throw new UsageError('replay takes --rules and --records');
    const isOtlp = oneOf(values, 'format', ['jsonl', 'otlp-json'] as const, 'jsonl') === 'otlp-json';
    const files = ruleFilesOf([rules]);
    const checked = files.map((file) => readRuleFile(file, 1).checked);
    for (const { compiled, problems } of checked) if (compiled === null) for (const p of problems) say(problemText(p));
    if (checked.some((c) => c.compiled === null)) return 2;
    const compiled = checked.flatMap((c) => (c.compiled === null ? [] : [c.compiled]));
    const twice = duplicateNames(compiled.map(({ rule }, i) => ({ name: rule.name, file: files[i] ?? '' })));
    for (const p of twice) say(problemText(p));
    if (twice.length > 0) return 2;
    const plans = flag(values, 'plan');
    const watching = compiled.filter(({ rule }) => rule.mode !== 'enforce').map(({ rule }) => rule.name);
    if (plans && watching.length > 0) say(`in shadow, so nothing of them is in the diffs: ${watching.join(', ')}`);
    const state = createReplay(compiled, { plans });
    const path = text(values, 'out');
    const out = path === undefined ? 1 : openSync(path, 'w');
    const bar = progress();
    let text_ = '';
    for await (const { lines, bytesRead, bytesTotal } of readLines(records)) {
      for (const line of isOtlp ? lines.flatMap(linesOf) : lines)
        for (const one of replayLine(state, line)) text_ += `${formatPrinted(one)}\n`;
      writeAll(out, text_);
      text_ = '';
      bar.at(bytesTotal === null || bytesTotal === 0 ? null : bytesRead / bytesTotal, `${state.lines} lines`);
    }
    writeAll(out, endReplay(state).map((one) => `${formatPrinted(one)}\n`).join('')); // prettier-ignore
    bar.end();
    if (path !== undefined) closeSync(out);
    const { bad } = resultOf(state);
    for (const b of bad.first.slice(0, badShown)) say(`${records}:${b.number}: ${b.problem.what}`);
    if (bad.count > 0) say(`${bad.count} lines are no records and were passed over`);
    return 0;
  },
};

/** What is no export stays as it is, and is counted as no record. */
const linesOf = (text_: string): readonly string[] => decodeTraces(text_)?.lines ?? [text_];

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
