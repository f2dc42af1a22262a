import { stringify } from 'yaml';
import type { Problem } from '../model/problem.ts';
import { oneOf, type Values } from './command.ts';

export type Format = 'table' | 'json' | 'yaml' | 'name';
export const formatOf = (values: Values): Format => oneOf(values, 'output', ['table', 'json', 'yaml', 'name'] as const, 'table');

export type Row = Readonly<Record<string, string | number | boolean | null>>;

/**
 * Prints machine output to standard output. `rows` are what the table shows (their keys are its headings), `value` what JSON and YAML
 * show, `names` one a line for `-o name`.
 */
export function print(
  format: Format,
  shown: { readonly value: unknown; readonly rows: readonly Row[]; readonly names: readonly string[] },
): void {
  process.stdout.write(render(format, shown));
}

export function render(
  format: Format,
  { value, rows, names }: { readonly value: unknown; readonly rows: readonly Row[]; readonly names: readonly string[] },
): string {
  if (format === 'json') return `${JSON.stringify(value)}\n`;
  if (format === 'yaml') return stringify(value);
  if (format === 'name') return names.map((n) => `${n}\n`).join('');
  return tableOf(rows);
}

/** Columns padded to their widest cell; nothing at all for no rows. */
export function tableOf(rows: readonly Row[]): string {
  const heads = Object.keys(rows[0] ?? {});
  const cells = [heads.map((h) => h.toUpperCase()), ...rows.map((row) => heads.map((h) => cell(row[h])))];
  const widths = heads.map((_, i) => Math.max(...cells.map((line) => line[i]?.length ?? 0)));
  return rows.length === 0 ? '' : `${cells.map((line) => line.map((c, i) => c.padEnd(widths[i] ?? 0)).join('  ').trimEnd()).join('\n')}\n`; // prettier-ignore
}

const cell = (value: string | number | boolean | null | undefined): string => (value === null || value === undefined ? '-' : String(value));

/** Narration for a person goes to standard error, so that standard output stays what a program reads. */
export const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** A problem as a person reads it: where, code, what, what to do; then the line it stands in, where there is one. */
export function problemText(p: Problem): string {
  const line = `${p.at}  ${p.code}  ${p.what}${p.todo === '' ? '' : ` · ${p.todo}`}`;
  return p.excerpt === undefined ? line : `${line}\n${p.excerpt}`;
}

/** Says why and gives the exit code of "could not". */
export function refuse({ problem }: { readonly problem: Problem }): number {
  say(`flyball: ${problemText(problem)}`);
  return 2;
}
