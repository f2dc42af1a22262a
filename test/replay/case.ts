import { jsonOf } from '../../src/core/cel/value.ts';
import type { Change } from '../../src/core/decide/types.ts';
import { replay } from '../../src/core/replay.ts';
import { compiled } from './compiled.ts';

/**
 * One worked example from a file of cases/. A file is a list of
 *
 *     == what it shows
 *     -- rule            a rule.yaml without why and owner; may come several times
 *     -- lines           JSON lines, or the short form "TIME rpc|flow PATH=VALUE …", "TIME tick", "TIME source NAME live|stale STREAM …"
 *     -- changes         "TIME | KEY | FROM > TO | VERDICT | TEXT = VALUE | …", with the rule's name before KEY where there are several
 *     -- counters        optional: "NAME = NUMBER" for each that is not 0, keys and records aside
 *
 * TIME is seconds after 2026-01-01T00:00:00Z; in lines also FROM..TO/STEP, both ends included. KEY is the columns' values.
 */
export type Case = {
  readonly title: string;
  readonly rules: readonly string[];
  readonly lines: readonly string[];
  readonly changes: readonly string[];
  readonly counters: readonly string[] | null;
};

const base = BigInt(Date.UTC(2026, 0, 1)) * 1_000_000n;

export function readCases(text: string): readonly Case[] {
  return text
    .split(/^== /m)
    .slice(1)
    .map((part) => {
      const [title = '', ...blocks] = part.split(/^-- /m);
      const all = (name: string): readonly string[] => blocks.filter((block) => block.startsWith(`${name}\n`)).map((block) => block.slice(name.length + 1)); // prettier-ignore
      const rows = (name: string): readonly string[] => all(name).flatMap((block) => block.split('\n').map((row) => row.trim()).filter((row) => row !== '' && !row.startsWith('#'))); // prettier-ignore
      return {
        title: title.trim(),
        rules: all('rule'),
        lines: rows('lines').flatMap(expand),
        changes: rows('changes'),
        counters: all('counters').length === 0 ? null : rows('counters'),
      };
    });
}

/** What replay says, in the notation of `-- changes` and `-- counters`. */
export function runCase({ rules, lines }: Case): { readonly changes: readonly string[]; readonly counters: readonly string[] } {
  const changes: string[] = [];
  const result = replay({ rules: rules.map((rule) => compiled(rule)), lines }, (change) => changes.push(brief(change, rules.length > 1)));
  const counts = [...result.counters.values()]
    .flatMap((of) => Object.entries(of))
    .filter(([name, n]) => n > 0 && name !== 'keys' && name !== 'records');
  const bad = result.bad.count === 0 ? [] : [`bad = ${result.bad.count}`];
  return { changes, counters: [...bad, ...counts.map(([name, n]) => `${name} = ${n}`)] };
}

function brief({ timeNs, rule, key, from, to, verdict, values }: Change, named: boolean): string {
  const columns = [...key.values()].map((value) => (value === '' ? '(empty)' : jsonOf(value).replaceAll('"', '')));
  const name = [...(named ? [rule] : []), ...(columns.length === 0 ? ['{}'] : columns)].join(' ');
  const shown = [...values].map(([text, value]) => `${text} = ${jsonOf(value)}`);
  return [String(Number(timeNs - base) / 1e9), name, `${from} > ${to}`, verdict, ...shown].join(' | ');
}

function expand(row: string): readonly string[] {
  if (row.startsWith('{') || row.startsWith('!')) return [row.replace(/^!/, '')];
  const [when = '', kind = '', ...rest] = row.split(/ +/);
  return timesOf(when).map((time) => JSON.stringify(lineOf(time, kind, rest)));
}

function timesOf(text: string): readonly string[] {
  const m = /^([\d.]+)\.\.([\d.]+)\/([\d.]+)$/.exec(text);
  if (m === null) return [timeText(nsOf(text))];
  const [from, to, step] = [nsOf(m[1] ?? ''), nsOf(m[2] ?? ''), nsOf(m[3] ?? '')];
  return Array.from({ length: Number((to - from) / step) + 1 }, (_, i) => timeText(from + BigInt(i) * step));
}

function nsOf(seconds: string): bigint {
  const [whole = '0', fraction = ''] = seconds.split('.');
  return BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
}

function timeText(ns: bigint): string {
  const at = base + ns;
  return `${new Date(Number(at / 1_000_000_000n) * 1000).toISOString().slice(0, 19)}.${(at % 1_000_000_000n).toString().padStart(9, '0')}Z`;
}

function lineOf(time: string, kind: string, rest: readonly string[]): object {
  if (kind === 'tick') return { stream: 'tick', time };
  const [source, state, ...streams] = rest;
  if (kind === 'source') return { stream: 'source', source, state, time, ...(streams.length === 0 ? {} : { streams }) };
  const line: Record<string, unknown> = { stream: kind, time };
  for (const pair of rest) {
    const [path = '', value = ''] = pair.split('=');
    const [root = '', field = ''] = path.split('.');
    const isNumber = /^-?\d+$/.test(value) && !/service|instance|zone|version/.test(field);
    ((line[root] ??= {}) as Record<string, unknown>)[field] = isNumber
      ? Number(value)
      : value === 'true' || value === 'false'
        ? value === 'true'
        : value;
  }
  return line;
}
