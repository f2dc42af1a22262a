import { celConditionalsMax, celDepthMax } from './bounds.ts';
import { tooMuch } from './lex.ts';
import type { Token } from './lex.ts';
import { ticked } from './problem.ts';
import type { CelProblem } from './problem.ts';

/**
 * The first place where the tokens cannot be an expression, or null. The parser backtracks, so its own errors point at the start of what
 * it could not read; and it recurses, so brackets and conditionals are bounded here, before it runs.
 */
export function firstSyntaxProblem(tokens: readonly Token[], plain = false): CelProblem | null {
  const open: Open[] = [];
  let conditionals = 0;
  let wantsOperand = true;
  for (const [i, token] of tokens.entries()) {
    const before = tokens[i - 1];
    const step: boolean | CelProblem = wantsOperand ? operandStep(token, before, open, plain) : operatorStep(token, before, open, plain);
    if (typeof step !== 'boolean') return step;
    wantsOperand = step;
    if (token.text === '?' && token.kind === 'op') conditionals += 1;
    if (open.length > celDepthMax) return tooMuch(token.start, `more than ${celDepthMax} brackets are open at once`);
    if (conditionals > celConditionalsMax) return tooMuch(token.start, `more than ${celConditionalsMax} conditionals`);
  }
  return atEnd(tokens.at(-1), open.at(-1), wantsOperand);
}

type Open = { readonly kind: 'call' | 'group' | 'list' | 'index' | 'map' | '?'; readonly token: Token };

const closers: Readonly<Record<Open['kind'], string>> = { call: ')', group: ')', list: ']', index: ']', map: '}', '?': ':' };
const binary = new Set(['&&', '||', '==', '!=', '<', '<=', '>', '>=', '+', '-', '*', '/', '%']);
const reserved = new Set(
  'as break const continue else for function if import let loop package namespace return var void while'.split(' '), // CEL spec, lexis
);

/** Whether an operand is wanted next, or what is wrong with `token` where one is wanted now. */
function operandStep(token: Token, before: Token | undefined, open: Open[], plain: boolean): boolean | CelProblem {
  const top = open.at(-1);
  const isField = before?.text === '.' && before.kind === 'op';
  if (isField && token.kind !== 'name') return problem(token, `a name must follow the dot, not ${ticked(token.text)}`, 'name a field');
  if (token.kind === 'number' || token.kind === 'string') return false;
  if (token.kind === 'name') {
    if (isField || !(reserved.has(token.text) || token.text === 'in')) return false;
    return token.text === 'in'
      ? problem(token, '`in` has nothing before it', 'write x in [..]')
      : problem(token, `${ticked(token.text)} is a reserved word`, 'use another name');
  }
  if (token.text === '!' || token.text === '-') return true;
  if (token.text === '.' && plain && !isField) return true;
  if (token.text === '.') return problem(token, 'nothing stands before the dot', 'remove the dot, or name what it belongs to');
  if (token.text === '(') return push(open, 'group', token);
  if (token.text === '[') return push(open, 'list', token);
  if (token.text === '{') return push(open, 'map', token);
  const closes = top !== undefined && top.kind !== '?' && closers[top.kind] === token.text;
  const empty = closes && before === top.token && (top.kind === 'call' || top.kind === 'list' || top.kind === 'map');
  const trailing = closes && before?.text === ',' && (top.kind === 'list' || top.kind === 'map');
  if (empty || trailing) {
    open.pop();
    return false;
  }
  const after = before === undefined ? 'at the start' : `after ${ticked(before.text)}`;
  return problem(token, `${ticked(token.text)} has no operand before it: a value is missing ${after}`, 'add it, or remove the operator');
}

/** The same where an operator is wanted. */
function operatorStep(token: Token, before: Token | undefined, open: Open[], plain: boolean): boolean | CelProblem {
  const top = open.at(-1);
  if (token.kind === 'name' && token.text === 'in') return true;
  if (token.kind !== 'op') return unjoined(token, before);
  if (binary.has(token.text) || token.text === '.') return true;
  if (token.text === '?') return push(open, '?', token);
  if (token.text === '(' && before?.kind === 'name') return push(open, 'call', token);
  if (token.text === '[') return push(open, 'index', token);
  if (token.text === '{' && before?.kind === 'name' && plain) return push(open, 'map', token);
  if (token.text === '{' && before?.kind === 'name')
    return problem(token, 'messages cannot be built in a rule', 'compare single attributes');
  if (token.text === ':' && top?.kind === '?') {
    open.pop();
    return true;
  }
  if (top?.kind === '?') return problem(top.token, '`?` has no `:`', 'write condition ? value : otherwise');
  if (token.text === ':' && top?.kind === 'map') return true;
  if (token.text === ',' && top !== undefined && top.kind !== 'group' && top.kind !== 'index') return true;
  if (top !== undefined && closers[top.kind] === token.text) {
    open.pop();
    return false;
  }
  if (')]}'.includes(token.text)) {
    if (top === undefined) return problem(token, `${ticked(token.text)} closes nothing`, 'remove it, or open it before');
    return problem(
      token,
      `${ticked(token.text)} where ${ticked(closers[top.kind])} must close ${ticked(top.token.text)}`,
      'close brackets in order',
    );
  }
  return token.text === '(' || token.text === '{' || token.text === '!'
    ? unjoined(token, before)
    : problem(token, `unexpected ${ticked(token.text)}`, 'remove it');
}

function atEnd(last: Token | undefined, top: Open | undefined, wantsOperand: boolean): CelProblem | null {
  if (last === undefined) return { code: 'E-CEL-SYNTAX', offset: 0, what: 'the expression is empty', todo: 'write one' };
  if (wantsOperand) return problem(last, `nothing follows ${ticked(last.text)}`, 'add what is missing, or remove it');
  if (top === undefined) return null;
  if (top.kind === '?') return problem(top.token, '`?` has no `:`', 'write condition ? value : otherwise');
  const closer = closers[top.kind];
  return problem(top.token, `${ticked(top.token.text)} is never closed`, `add ${ticked(closer)}`);
}

function push(open: Open[], kind: Open['kind'], token: Token): true {
  open.push({ kind, token });
  return true;
}

const unjoined = (token: Token, before: Token | undefined): CelProblem =>
  problem(token, `no operator between ${ticked(before?.text ?? '')} and ${ticked(token.text)}`, 'join them with && or ||, or remove one');

const problem = (token: Token, what: string, todo: string): CelProblem => ({ code: 'E-CEL-SYNTAX', offset: token.start, what, todo });
