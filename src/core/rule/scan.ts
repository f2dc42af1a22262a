import { CST, Lexer } from 'yaml';
import { fail, ok } from '../../model/problem.ts';
import type { Problem, Result } from '../../model/problem.ts';
import { ticked } from '../cel/problem.ts';
import { yamlDepthMax, yamlNestedOnLineMax, yamlTokensMax } from './bounds.ts';
import { placeAt, problemAt } from './place.ts';
import type { Source } from './place.ts';

/** What YAML would keep of a value, and the field it stands in. */
export type Kept = { readonly text: string; readonly field: string };

/** A tag, anchor, alias or directive: none has a place in a rule. `words` gets what YAML would keep of the value. */
export type Mark = { readonly offset: number; readonly words: (kept: Kept | null) => Pick<Problem, 'code' | 'what' | 'todo'> };

/**
 * Looks at the tokens before anything recurses over them: the marks that are refused, or E-YAML-SIZE when there is more, or deeper, than
 * a rule needs.
 */
export function scanYaml(source: Source): Result<readonly Mark[], readonly Problem[]> {
  const marks: Mark[] = [];
  const refuse = (at: number, what: string): Result<readonly Mark[], readonly Problem[]> =>
    fail([problemAt(source, placeAt(source, at), { code: 'E-YAML-SIZE', what, todo: 'make the rule simpler' })]);
  let offset = 0;
  let tokens = 0;
  let depth = 0;
  let onLine = 0;
  let isText = false;
  for (const lexeme of new Lexer().lex(source.text)) {
    const type = isText ? 'scalar' : CST.tokenType(lexeme);
    isText = lexeme === CST.SCALAR;
    // These three stand for a state of the lexer and for no text.
    if (lexeme === CST.SCALAR || lexeme === CST.DOCUMENT || lexeme === CST.FLOW_END) continue;
    tokens += 1;
    if (type === 'flow-map-start' || type === 'flow-seq-start') depth += 1;
    if (type === 'flow-map-end' || type === 'flow-seq-end') depth -= 1;
    if (type === 'newline') onLine = 0;
    if (type === 'seq-item-ind' || type === 'explicit-key-ind') onLine += 1;
    if (tokens > yamlTokensMax) return refuse(offset, `more than ${yamlTokensMax} YAML tokens`);
    if (depth > yamlDepthMax) return refuse(offset, `more than ${yamlDepthMax} brackets are open at once`);
    if (onLine > yamlNestedOnLineMax) return refuse(offset, `more than ${yamlNestedOnLineMax} lists begin on one line`);
    const mark = markOf(type, lexeme);
    if (mark !== null) marks.push({ offset, words: mark });
    offset += lexeme.length;
  }
  return ok(firstOfEach(marks, source));
}

function markOf(type: string | null, lexeme: string): Mark['words'] | null {
  if (type === 'tag') return tagged(lexeme);
  if (type === 'anchor' || type === 'alias') {
    const what = `${ticked(lexeme)} is read by YAML as an ${type}; rules have none`;
    return () => ({ code: 'E-YAML-ALIAS', what, todo: 'write the value out, or quote it' });
  }
  return type === 'directive-line'
    ? () => ({ code: 'E-YAML-SYNTAX', what: 'rules have no YAML directives', todo: 'remove the line' })
    : null;
}

const tagged =
  (lexeme: string): Mark['words'] =>
  (kept) => {
    const short = lexeme.replace(/\(.*$/, '(…)');
    const what = ['when', 'until', 'where', 'match'].includes(kept?.field ?? '') ? 'condition' : 'value';
    const becomes = kept === null ? '' : kept.text === '' ? ': nothing would be left' : `: the ${what} would become ${ticked(kept.text)}`;
    return { code: 'E-YAML-TAG', what: `"${short}" is read by YAML as a tag and would be dropped${becomes}`, todo: 'quote it' };
  };

/** One mark a line (in `!has(x) && y` the && is an anchor too), and of a bomb of aliases only the first. */
function firstOfEach(marks: readonly Mark[], source: Source): readonly Mark[] {
  const lines = new Set<number>();
  let aliased = false;
  return marks.filter(({ offset, words }) => {
    const { line } = placeAt(source, offset);
    const isAlias = words(null).code === 'E-YAML-ALIAS';
    if (lines.has(line) || (isAlias && aliased)) return false;
    lines.add(line);
    aliased ||= isAlias;
    return true;
  });
}
