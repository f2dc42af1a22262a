import type { Problem } from '../../model/problem.ts';

const atWidth = 25;
const codeWidth = 13;

/** One line: place, code, what, and after a dot what to do. */
export function formatProblem(problem: Problem, width = atWidth): string {
  const { at, code, what, todo } = problem;
  return `${at.padEnd(width)}  ${code.padEnd(codeWidth)}  ${what}${todo === '' ? '' : ` · ${todo}`}`;
}

/** All of them in aligned columns, each followed by its source line and caret. Ends with a line end unless there is none. */
export function formatProblems(problems: readonly Problem[]): string {
  const width = Math.max(atWidth, ...problems.map(({ at }) => at.length));
  return problems.map((problem) => `${formatProblem(problem, width)}\n${indented(problem.excerpt)}`).join('');
}

const indented = (excerpt: string | undefined): string =>
  (excerpt ?? '').replace(/^(?=.)/gm, '    ').replace(/$/, excerpt === undefined ? '' : '\n');
