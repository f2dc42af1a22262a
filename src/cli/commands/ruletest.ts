import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readTests } from '../../core/ruletest/read.ts';
import { runTest } from '../../core/ruletest/run.ts';
import type { Failure, TestResult } from '../../core/ruletest/types.ts';
import { fail, ok, type Result } from '../../model/problem.ts';
import { showDuration } from '../../model/units.ts';
import { outputOption, text, type Command } from '../command.ts';
import { formatOf, print, problemText, say } from '../print.ts';
import { progress } from '../progress.ts';
import { readRuleFile, ruleFilesOf } from '../rulefiles.ts';

/** `flyball rule test`: the tests.yaml beside each rule. */
export const ruleTest: Command = {
  name: 'rule test',
  args: 'DIR|FILE…',
  about: 'runs the tests.yaml beside each rule, without an engine: generated or recorded traffic in, expectations compared',
  options: {
    output: outputOption,
    name: { type: 'string', value: 'TEXT', about: 'only tests whose name contains this' },
  },
  more: [
    '  Prints each failure with the instant, what was expected, what was got, and the value of each sub-expression there.',
    '  Exit code 1 when a test fails or a rule has none, 2 when a file cannot be read.',
  ].join('\n'),
  run: async (paths, values) => {
    const wanted = text(values, 'name') ?? '';
    const outcomes = ruleFilesOf(paths.length > 0 ? paths : ['rules']).map((file) => ({ file, ...runFile(file, wanted) }));
    const failed = outcomes.flatMap(({ results }) => results).filter(({ failures }) => failures.length > 0);
    const rows = outcomes.flatMap(({ file, results }) =>
      results.map((r) => ({ result: r.failures.length === 0 ? 'ok' : 'FAILED', rule: file, test: r.test.name, records: r.records, transitions: r.transitions })),
    ); // prettier-ignore
    print(formatOf(values), {
      value: outcomes.flatMap(({ file, results }) => results.map((r) => jsonOf(file, r))),
      rows,
      names: rows.filter(({ result }) => result !== 'ok').map(({ rule, test }) => `${rule}: ${test}`),
    });
    for (const { file, results, refused, without } of outcomes) {
      for (const result of results) for (const failure of result.failures) say(failureText(file, failure));
      for (const line of refused) say(line);
      if (without) say(`${file}: has no tests.yaml`);
    }
    say(`${rows.length} tests, ${failed.length} failed`);
    if (outcomes.some(({ refused }) => refused.length > 0)) return 2;
    return failed.length > 0 || outcomes.some(({ without }) => without) ? 1 : 0;
  },
};

type Outcome = { readonly results: readonly TestResult[]; readonly refused: readonly string[]; readonly without: boolean };

function runFile(file: string, wanted: string): Outcome {
  const none: Outcome = { results: [], refused: [], without: false };
  const { compiled, problems } = readRuleFile(file, 1).checked;
  if (compiled === null) return { ...none, refused: problems.map(problemText) };
  const path = testsOf(file);
  if (!existsSync(path)) return { ...none, without: true };
  const read = readTests(readFileSync(path, 'utf8'), path);
  if (!read.ok) return { ...none, refused: read.problem.map(problemText) };
  const bar = progress();
  const results: TestResult[] = [];
  const tests = read.value.tests.filter(({ name }) => name.includes(wanted));
  for (const [i, test] of tests.entries()) {
    bar.at(i / tests.length, test.name);
    const result = runTest(compiled, test, readBeside(path));
    if (!result.ok) {
      bar.end();
      return { ...none, results, refused: [problemText(result.problem)] };
    }
    results.push(result.value);
  }
  bar.end();
  return { ...none, results };
}

const testsOf = (file: string): string => join(dirname(file), 'tests.yaml');

const readBeside =
  (path: string) =>
  (name: string): Result<string> => {
    const file = join(dirname(path), name);
    if (!existsSync(file)) return fail({ code: 'E-TEST', what: `there is no file ${name}`, at: path, todo: 'put it beside tests.yaml' });
    return ok(readFileSync(file, 'utf8'));
  };

/** `rules/x/tests.yaml:12:7 at 14s key c3: state pending, expected firing · p99(…) > … is false (p99(…) 400ms)`. */
function failureText(file: string, { place, test, atNs, key, got, expected, because }: Failure): string {
  const where = `${testsOf(file)}:${place.line}:${place.column}`;
  const what = `at ${showDuration(atNs)}${key === '' ? '' : ` key ${key}`}: ${got}, expected ${expected}`;
  return `${where}  ${test}\n  ${what}${because === '' ? '' : ` · ${because}`}`;
}

function jsonOf(file: string, { test, failures, records, transitions }: TestResult): object {
  const told = failures.map(({ atNs, key, got, expected, because, place }) => ({ at: showDuration(atNs), key, got, expected, because, line: place.line })); // prettier-ignore
  return { rule: file, test: test.name, ok: failures.length === 0, records, transitions, failures: told };
}
