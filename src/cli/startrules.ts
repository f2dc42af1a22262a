import { readRuleFile, ruleFilesOf } from './rulefiles.ts';

/** Rule files of these folders, as text. */
export const applyAtStart = (paths: readonly string[]): readonly { readonly file: string; readonly text: string }[] =>
  paths.length === 0 ? [] : ruleFilesOf(paths).map((file) => ({ file, text: readRuleFile(file).text }));
