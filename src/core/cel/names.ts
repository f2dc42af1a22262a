import type { Expr, Expr_Select } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { attributeAt, attributes } from '../../model/schema.ts';
import type { Problem } from '../../model/problem.ts';
import { afterTheFact, isRecordRoot } from './declare.ts';
import type { Environment } from './declare.ts';
import { givenType } from './aggregates.ts';
import { bool, show } from './kinds.ts';
import { ticked } from './problem.ts';
import { didYouMean } from './suggest.ts';
import { dottedName } from './tree.ts';
import type { CelType } from './types.ts';
import { report, startOf, variableNamed } from './walk.ts';
import type { Walk } from './walk.ts';

type Words = { readonly code: Problem['code']; readonly what: string; readonly todo: string };

/** The type of a name standing alone, or as the root of a path. */
export function identType(expr: Expr, name: string, walk: Walk): CelType | null {
  const type = variableNamed(walk, name) ?? walk.env.roots.get(name);
  if (type === undefined) return report(walk, startOf(walk, expr), () => undeclaredRoot(name, name, walk));
  const late = walk.env.dialect === 'match' && variableNamed(walk, name) === undefined ? lateProblem(name, walk.env) : null;
  return late === null ? type : report(walk, startOf(walk, expr), late);
}

/** The type of `operand.field`, or of has(operand.field). */
export function selectType(expr: Expr, select: Expr_Select, walk: Walk): CelType | null {
  const { operand, field, testOnly } = select;
  if (operand === undefined) return null;
  const before = dottedName(operand);
  const root = before?.split('.')[0];
  const offset = startOf(walk, operand);
  if (before !== null && root !== undefined && variableNamed(walk, root) === undefined && !walk.env.roots.has(root)) {
    return report(walk, offset, () => undeclaredRoot(root, `${before}.${field}`, walk));
  }
  const type = walk.visit(operand, walk);
  if (type === null) return null;
  if (type.kind === 'map') {
    if (type.key.kind === 'string') {
      return !isColumnEntry({ path: before ?? '', entry: field, offset }, walk) ? null : testOnly ? bool : type.value;
    }
    return report(walk, offset, { code: 'E-CEL-TYPE', what: `a map with ${show(type.key)} keys has no fields`, todo: 'write map[key]' });
  }
  if (type.kind !== 'struct') {
    return report(walk, offset, {
      code: 'E-CEL-TYPE',
      what: `a ${show(type)} has no field ${ticked(field)}`,
      todo: 'only groups and maps have',
    });
  }
  const path = `${type.name}.${field}`;
  const own = walk.env.structs.get(type.name)?.get(field);
  if (own === undefined) return report(walk, offset, () => undeclaredField(type.name, field, walk.env));
  const late = walk.env.dialect === 'match' ? lateProblem(path, walk.env) : null;
  if (late !== null) return report(walk, offset, late);
  const given = givenNames.get(type.name);
  if (given === undefined || walk.env.dialect !== 'aggregate') return testOnly ? bool : own;
  if (!testOnly) return givenType(expr, { name: given, of: field, type: own }, walk);
  return report(walk, offset, { code: 'E-CEL-TYPE', what: `${ticked(path)} is always there`, todo: 'compare its value' });
}

const givenNames = new Map([
  ['params', 'param'],
  ['variables', 'variable'],
] as const) as ReadonlyMap<string, 'param' | 'variable'>;

/** False, and reported, when `key.request.headers["x"]` is an entry that `by` does not name. */
export function isColumnEntry(at: { readonly path: string; readonly entry: string; readonly offset: number }, walk: Walk): boolean {
  if (!at.path.startsWith('key.') || variableNamed(walk, 'key') !== undefined) return true;
  const name = `${at.path.slice('key.'.length)}[${JSON.stringify(at.entry)}]`;
  if (walk.env.columns.some((column) => column.name === name)) return true;
  report(walk, at.offset, () => noColumn(name, walk.env));
  return false;
}

function lateProblem(path: string, { streams }: Environment): Words | null {
  const why = afterTheFact(path, streams);
  if (why === null) return null;
  const todo = path.startsWith('destination.') ? 'match destination.service, or use avoid' : 'move it to `when`';
  return {
    code: 'E-MATCH-AFTER',
    what: `${ticked(path)} ${why}; \`match\` decides before it`,
    todo: why.includes('observation') ? 'move it to `where`' : todo,
  };
}

function undeclaredField(struct: string, field: string, env: Environment): Words {
  const fields = [...(env.structs.get(struct)?.keys() ?? [])];
  if (struct === 'key' || struct.startsWith('key.')) return noColumn(`${struct}.${field}`.slice('key.'.length), env);
  const elsewhere = attributeAt(`${struct}.${field}`);
  const path = `${struct}.${field}`;
  if (elsewhere !== undefined)
    return {
      code: 'E-CEL-NAME',
      what: `${ticked(path)} is an attribute of ${elsewhere.streams.join(' and ')} records`,
      todo: otherStream(env),
    };
  const near = didYouMean(field, fields, '');
  const meant = near === '' ? `${struct} has ${fields.join(', ')}` : near.replace('`', `\`${struct}.`);
  return { code: 'E-CEL-NAME', what: `undeclared ${ticked(path)}`, todo: meant };
}

function noColumn(name: string, { columns }: Environment): Words {
  const names = columns.map((column) => column.name);
  const have = names.length === 0 ? 'this rule has no `by`: there is one key, without columns' : `\`by\` has ${names.join(', ')}`;
  return {
    code: 'E-CEL-NAME',
    what: `undeclared ${ticked(`key.${name}`)}`,
    todo: didYouMean(name, names, have).replace('did you mean `', 'did you mean `key.'),
  };
}

/** `path` is what was written, `root` its first name, which no one declared. */
function undeclaredRoot(root: string, path: string, walk: Walk): Words {
  const { env, inside } = walk;
  if (env.dialect === 'aggregate' && (root === 'params' || root === 'variables'))
    return { code: 'E-CEL-NAME', what: `undeclared ${ticked(path)}: the rule has no \`${root}\` before this`, todo: 'declare it' };
  if (env.dialect === 'aggregate' && isRecordRoot(root)) {
    return {
      code: 'E-CEL-SCOPE',
      what: `${ticked(path)} belongs to one record; this looks at a window of them`,
      todo: `put it in an aggregate: ${aggregated(path)}`,
    };
  }
  if (env.dialect === 'record' && ['key', 'now', 'params', 'variables'].includes(root)) {
    const place = inside === null ? '`where` and `by` see one record' : `the argument of \`${inside}\` sees one record`;
    return { code: 'E-CEL-SCOPE', what: `\`${root}\` is not known here: ${place}`, todo: 'compare it outside' };
  }
  if (env.dialect === 'match' && ['now', 'params', 'variables'].includes(root))
    return { code: 'E-CEL-SCOPE', what: `\`${root}\` is not known in a match`, todo: 'test it in `when`' };
  if (env.dialect !== 'declared' && isRecordRoot(root)) {
    const streams = attributes.find((attribute) => attribute.path.split('.')[0] === root)?.streams ?? [];
    return { code: 'E-CEL-NAME', what: `${ticked(root)} is in ${streams.join(' and ')} records only`, todo: otherStream(env) };
  }
  const names = [...env.roots.keys(), ...walk.variables.map(([name]) => name)];
  // `instance: "c3"` reaches us without its quotes, which YAML took.
  const isWhole = walk.parsed.text.trim() === root;
  const otherwise =
    root !== path ? `known here: ${names.join(', ')}` : `if it is text, write ${isWhole ? `'"${root}"', in both quotes` : `"${root}"`}`;
  return { code: 'E-CEL-NAME', what: `undeclared ${ticked(root)}`, todo: didYouMean(root, names, otherwise) };
}

const otherStream = ({ streams }: Environment): string => `this rule is over ${streams.join(' and ')}`;

/** How an attribute is usually aggregated. */
function aggregated(path: string): string {
  const type = attributeAt(path)?.type;
  if (type === 'bool') return `ratio(${path})`;
  if (type === 'duration') return `p99(${path})`;
  return type === 'int' ? `mean(${path})` : `count(${path} == "…")`;
}
