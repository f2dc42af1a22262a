import type { Problem } from '../../model/problem.ts';

/** What is wrong with one CEL text; the rule reader turns the offset into a place in the file. */
export type CelProblem = {
  readonly code: Problem['code'];
  /** Code points from the start of the text. */
  readonly offset: number;
  readonly what: string;
  readonly todo: string;
};

/** Longest name or snippet that a message repeats. */
export const snippetMax = 60;

/** `text` between backticks, shortened. */
export const ticked = (text: string): string => `\`${text.length > snippetMax ? `${text.slice(0, snippetMax - 1)}…` : text}\``;
