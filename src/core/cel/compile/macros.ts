import type { Expr, Expr_Comprehension } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { bool, list, nothing } from '../kinds.ts';
import { writtenParts } from '../macros.ts';
import { strict } from './code.ts';
import type { Code, Scope } from './code.ts';

/**
 * A macro as a loop in a function of its own, beside the one that calls it: one made anew at each call took twice as long
 * (`npm run bench -- cel`). `all` and `exists` absorb an element's error when another element decides; for the other
 * macros one error is an error of the whole (CEL specification, macros).
 */
export function loop(expr: Expr, comprehension: Expr_Comprehension, scope: Scope, emit: (expr: Expr, scope: Scope) => Code): Code {
  const { iterRange, iterVar } = comprehension;
  const name = scope.checked.macros.get(expr.id);
  const type = scope.checked.types.get(expr.id);
  if (iterRange === undefined || name === undefined || type === undefined)
    throw new Error('flyball: broken invariant: a loop without its macro');
  const range = emit(iterRange, scope);
  const element = range.type.kind === 'list' ? range.type.of : range.type.kind === 'map' ? range.type.key : nothing;
  const temporaries: string[] = [];
  const variable: Code = { js: scope.temporary(), type: element, fails: false, range: null };
  const inner: Scope = {
    ...scope,
    variables: new Map([...scope.variables, [iterVar, variable]]),
    temporary: () => {
      const name_ = scope.temporary();
      temporaries.push(name_);
      return name_;
    },
  };
  const { conditions, value } = writtenParts(name, comprehension);
  const test = conditions[0] === undefined ? null : emit(conditions[0], inner);
  const collected = value === null ? null : emit(value, inner);
  const body = bodies[name]?.({ test, value: collected });
  if (body === undefined) throw new Error(`flyball: broken invariant: a macro ${name}`);
  // By index: with an iterator the whole condition took half as long again (`npm run bench -- cel`).
  const isMap = range.type.kind === 'map';
  const head = isMap
    ? `for (const ${variable.js} of all.keys()) {`
    : `for (let i = 0; i < all.length; i++) { const ${variable.js} = all[i];`;
  const declared = temporaries.length === 0 ? '' : `let ${temporaries.join(', ')}; `;
  const outside = [scope.inputs, ...[...scope.variables.values()].map(({ js }) => js)].join(', ');
  const name_ = scope.beside(`(all, ${outside}) => { ${declared}${body.before} ${head} ${body.each} } ${body.after} }`);
  const run = (of: string): string => `${name_}(${of}, ${outside})`;
  const collects = collected === null ? bool : list(collected.type);
  return strict(scope, [range], run, { type: type.kind === 'list' ? collects : type, fails: body.fails });
}

type Parts = { readonly test: Code | null; readonly value: Code | null };
type Body = { readonly before: string; readonly each: string; readonly after: string; readonly fails: boolean };

const bodies: Readonly<Record<string, (parts: Parts) => Body>> = {
  all: ({ test }) => absorbing(test, false),
  exists: ({ test }) => absorbing(test, true),
  exists_one: ({ test }) => ({ before: 'let n = 0;', each: `${picks(test)} n++;`, after: 'return n === 1;', fails: test?.fails === true }),
  filter: collecting,
  map: collecting,
};

function absorbing(test: Code | null, decides: boolean): Body {
  const js = test?.js ?? 'true';
  if (test?.fails !== true)
    return { before: '', each: `if (${decides ? '' : '!'}${js}) return ${decides};`, after: `return ${!decides};`, fails: false };
  const each = `const is = ${js}; if (is === ${decides}) return ${decides}; if (is === undefined) failed = true;`;
  return { before: 'let failed = false;', each, after: `return failed ? undefined : ${!decides};`, fails: true };
}

function collecting({ test, value }: Parts): Body {
  const js = value?.js ?? 'undefined';
  const taken = value?.fails === true ? `const one = ${js}; if (one === undefined) return undefined; out.push(one);` : `out.push(${js});`;
  const fails = test?.fails === true || value?.fails === true;
  return { before: 'const out = [];', each: `${test === null ? '' : picks(test)} ${taken}`, after: 'return out;', fails };
}

/** Goes on to the next element unless the condition holds. */
function picks(test: Code | null): string {
  const js = test?.js ?? 'true';
  if (test?.fails !== true) return `if (!${js}) continue;`;
  return `const is = ${js}; if (is === undefined) return undefined; if (!is) continue;`;
}
