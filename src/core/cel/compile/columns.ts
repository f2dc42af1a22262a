import type { Batch, Column } from '../../../model/batch.ts';
import type { Stream } from '../../../model/record.ts';
import { dottedName } from '../tree.ts';
import type { Checked } from '../types.ts';
import type { Code, Names } from './code.ts';
import { canonicalCode, codeOf, make, recordNames } from './program.ts';
import type { Put } from './program.ts';

/** What a batch's columns are, by place: code made for one layout reads every batch that has it. */
export type Layout = readonly { readonly path: string; readonly kind: Column['kind']; readonly hasAbsent: boolean }[];

export const layoutOf = ({ columns }: Batch): Layout =>
  [...columns].map(([path, { kind, present }]) => ({ path, kind, hasAbsent: present !== null }));

type Columns = readonly Column[];

/** Keeps of the records `at[0 … n)` those for which every condition holds, and says how many; what erred is counted. */
export type Sieve = (batch: Batch, columns: Columns, at: Int32Array, n: number, tally: { whereErrors: number }) => number;

/** Puts what an expression says of records `at[0 … n)` into a list; NaN in a Lane of numbers, undefined in others: CEL's error. */
export type Lane =
  | { readonly kind: 'numbers'; readonly put: (batch: Batch, columns: Columns, at: Int32Array, n: number, out: Float64Array) => void }
  | { readonly kind: 'scalars'; readonly put: (batch: Batch, columns: Columns, at: Int32Array, n: number, out: unknown[]) => void };

/**
 * Conditions joined by CEL's &&: one that is false decides, whatever erred. `destinationOnly`: and the reporter is the destination, or not said.
 * null: one holds a constant that numbers cannot.
 */
export function compileSieve(
  all: readonly Checked[],
  layout: Layout,
  { stream, destinationOnly }: { readonly stream: Stream; readonly destinationOnly: boolean },
): Sieve | null {
  const put = putFor(layout);
  const names = columnNames(layout, stream);
  const codes = all.map((checked) => codeOf(checked, names, put, false));
  if (codes.includes(null)) return null;
  const side = names('reporter.side').js;
  const lines = codes.map((code, k) => `const w${k} = ${code?.js ?? ''}; if (w${k} === false) continue;`);
  const erred = codes.map((_, k) => `w${k} === undefined`).join(' || ');
  const mine = destinationOnly ? `const side = ${side}; if (side !== undefined && side !== "destination") continue;` : '';
  const count = codes.length === 0 ? '' : `if (${erred}) { tally.whereErrors++; continue; }`;
  const loop = `let m = 0; for (let j = 0; j < n; j++) { const rec = at[j]; ${mine} ${lines.join(' ')} ${count} at[m++] = rec; } return m;`;
  return make(textOf('at, n, tally', layout, put, loop), put.constants, null) as Sieve;
}

/** null: it holds a constant that numbers cannot. */
export function compileLane(checked: Checked, layout: Layout, stream: Stream): Lane | null {
  const put = putFor(layout);
  const lane = (kind: Lane['kind'], value: string): Lane => {
    const loop = `for (let j = 0; j < n; j++) { const rec = at[j]; out[j] = ${value}; }`;
    return { kind, put: make(textOf('at, n, out', layout, put, loop), put.constants, null) } as Lane;
  };
  const plain = plainDuration(checked, layout);
  if (plain !== null) return lane('numbers', plain);
  const code = codeOf(checked, columnNames(layout, stream), put, false);
  if (code === null) return null;
  const { kind } = checked.type;
  if (kind !== 'bool' && kind !== 'int' && kind !== 'double') return lane('scalars', canonicalCode(code));
  put.temporaries.push('x');
  const number = (js: string): string => (kind === 'bool' ? `(${js} ? 1 : 0)` : js);
  if (!code.fails && kind !== 'double') return lane('numbers', number(code.js));
  return lane('numbers', `((x = ${canonicalCode(code)}) === undefined ? NaN : ${number('x')})`);
}

/** A duration that is an attribute needs no bigint: it is a number of ns already. */
function plainDuration({ expr, type }: Checked, layout: Layout): string | null {
  const at = type.kind === 'duration' ? layout.findIndex(({ path, kind }) => kind === 'number' && path === dottedName(expr)) : -1;
  return at < 0 ? null : present(layout, at, `c${at}[rec] * u${at}`, 'NaN');
}

const present = (layout: Layout, at: number, js: string, other: string): string =>
  layout[at]!.hasAbsent ? `((p${at}[rec >> 3] >> (rec & 7) & 1) === 1 ? ${js} : ${other})` : `(${js})`;

/** How CEL<r> reads record `rec` of columns (a macro has its own `i`): of what has no column, what a record says that lacks it. */
function columnNames(layout: Layout, stream: Stream): Names {
  return (path) => {
    const of: Code = recordNames(path);
    if (path.startsWith('grpc.')) return of;
    const at = layout.findIndex((column) => column.path === path);
    if (path === 'time') return { ...of, js: '(batch.baseNs + BigInt(batch.ticks[rec]) * tickNs)' };
    if (at < 0) return { ...of, js: path === 'applied' && stream === 'rpc' ? '[]' : 'undefined' };
    const { kind } = layout[at]!;
    const isDuration = of.type.kind === 'duration';
    const js = {
      text: `n${at}[c${at}[rec]]`,
      number: isDuration ? `BigInt(c${at}[rec] * u${at})` : `c${at}[rec]`,
      bool: `c${at}[rec] !== 0`,
      any: `c${at}[rec]`,
    }[kind];
    return { ...of, js: present(layout, at, js, path === 'applied' ? '[]' : 'undefined') };
  };
}

/** What a macro's loop, which is a function beside, is handed of the columns. */
const putFor = (layout: Layout): Put => {
  const columns = layout.flatMap((_, at) => [`c${at}`, `n${at}`, `p${at}`, `u${at}`]);
  return { inputs: ['rec', 'batch', 'tickNs', ...columns].join(', '), temporaries: [], constants: [], beside: [] };
};

function textOf(parameters: string, layout: Layout, { temporaries, beside }: Put, loop: string): string {
  const functions = beside.map((js, i) => `const f${i} = ${js};`).join(' ');
  const columns = layout.map(
    ({ kind }, at) =>
      `const c${at} = columns[${at}].${kind === 'text' ? 'codes' : 'values'}, n${at} = columns[${at}].names, p${at} = columns[${at}].present, u${at} = columns[${at}].unitNs;`,
  );
  const locals = temporaries.length === 0 ? '' : `let ${temporaries.join(', ')};`;
  return `${functions} return (batch, columns, ${parameters}) => { const tickNs = BigInt(batch.tickNs); ${columns.join(' ')} ${locals} ${loop} };`;
}
