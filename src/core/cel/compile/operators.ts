import { bool, double, duration, int, string, timestamp } from '../kinds.ts';
import type { CelType } from '../types.ts';
import { safe, strict } from './code.ts';
import type { Code, Range, Scope } from './code.ts';

/** Code for `left symbol right` of an overload that the checker has accepted; null: not an operator of this file. */
export function operate(scope: Scope, symbol: string, left: Code, right: Code): Code | null {
  const [a, b] = [left.type.kind, right.type.kind];
  switch (symbol) {
    case '==':
    case '!=':
      return equality(scope, symbol, left, right);
    case '<':
    case '<=':
    case '>':
    case '>=': {
      const text = a === 'string';
      return strict(scope, [left, right], (x, y) => (text ? `rt.compareText(${x}, ${y}) ${symbol} 0` : `${x} ${symbol} ${y}`), {
        type: bool,
      });
    }
    default:
      if (a === 'int' && b === 'int') return ints(scope, symbol, left, right);
      if (a === 'double' && b === 'double') return strict(scope, [left, right], (x, y) => `${x} ${symbol} ${y}`, { type: double });
      if (a === 'string' && symbol === '+') return strict(scope, [left, right], (x, y) => `${x} + ${y}`, { type: string });
      if (a === 'list' && symbol === '+') return strict(scope, [left, right], (x, y) => `[...${x}, ...${y}]`, { type: left.type });
      return times(scope, symbol, left, right);
  }
}

const scalars: readonly string[] = ['bool', 'int', 'double', 'string', 'null', 'duration', 'timestamp', 'ip', 'cidr'];

function equality(scope: Scope, symbol: '==' | '!=', left: Code, right: Code): Code {
  const plain = scalars.includes(left.type.kind);
  const not = symbol === '!=' ? '!' : '';
  return strict(scope, [left, right], (x, y) => (plain ? `${x} ${symbol}= ${y}` : `${not}rt.equal(${x}, ${y})`), { type: bool });
}

/** Ints are numbers as long as they are exact; where a declared range says they must be, nothing is checked. */
function ints(scope: Scope, symbol: string, left: Code, right: Code): Code {
  if (symbol === '/' || symbol === '%') return divided(scope, symbol, left, right);
  const range = reach(symbol, left.range ?? safe, right.range ?? safe);
  if (range[0] < safe[0] || range[1] > safe[1])
    return strict(scope, [left, right], (x, y) => `rt.whole(${x} ${symbol} ${y})`, { type: int });
  // 0 * -1 is -0, which is no int.
  return strict(scope, [left, right], (x, y) => `${x} ${symbol} ${y}${symbol === '*' ? ' + 0' : ''}`, { type: int, range });
}

/** Up to here a quotient of doubles, cut, is the quotient of the ints: its error is less than what it lacks to the next whole number. */
const quotientExactMax = 2 ** 50;

function divided(scope: Scope, symbol: '/' | '%', left: Code, right: Code): Code {
  const by = right.constant;
  const [least, greatest] = left.range ?? safe;
  if (typeof by !== 'number' || by <= 0 || least < 0 || greatest > quotientExactMax) {
    const sure = typeof by === 'number' && by !== 0;
    return strict(scope, [left, right], (x, y) => `rt.${symbol === '/' ? 'divide' : 'modulo'}(${x}, ${y})`, { type: int, fails: !sure });
  }
  if (symbol === '%') return strict(scope, [left], (x) => `${x} % ${by}`, { type: int, range: [0, Math.min(greatest, by - 1)] });
  return strict(scope, [left], (x) => `Math.floor(${x} / ${by})`, {
    type: int,
    range: [Math.floor(least / by), Math.floor(greatest / by)],
  });
}

function reach(symbol: string, [a, b]: Range, [c, d]: Range): Range {
  if (symbol === '+') return [a + c, b + d];
  if (symbol === '-') return [a - d, b - c];
  const corners = [a * c, a * d, b * c, b * d];
  return [Math.min(...corners), Math.max(...corners)];
}

/** The overloads of times and durations, as `left symbol right`; a result out of range is an error. */
export const timed: ReadonlyMap<string, readonly [CelType, (x: string, y: string) => string]> = new Map([
  ['timestamp + duration', [timestamp, (x, y) => `rt.time(${x} + ${y})`]],
  ['duration + timestamp', [timestamp, (x, y) => `rt.time(${x} + ${y})`]],
  ['timestamp - duration', [timestamp, (x, y) => `rt.time(${x} - ${y})`]],
  ['timestamp - timestamp', [duration, (x, y) => `rt.duration(${x} - ${y})`]],
  ['duration + duration', [duration, (x, y) => `rt.duration(${x} + ${y})`]],
  ['duration - duration', [duration, (x, y) => `rt.duration(${x} - ${y})`]],
  ['double * duration', [duration, (x, y) => `lib.scaled(${x} * Number(${y}))`]],
  ['duration * double', [duration, (x, y) => `lib.scaled(Number(${x}) * ${y})`]],
  ['duration / double', [duration, (x, y) => `lib.scaled(Number(${x}) / ${y})`]],
  ['duration / duration', [double, (x, y) => `Number(${x}) / Number(${y})`]],
]);

function times(scope: Scope, symbol: string, left: Code, right: Code): Code | null {
  const found = timed.get(`${left.type.kind} ${symbol} ${right.type.kind}`);
  if (found === undefined) return null;
  const [type, build] = found;
  if (type === duration && ['+', '-'].includes(symbol) && !left.fails && !right.fails)
    return spanOf(scope, `${left.js} ${symbol} ${right.js}`);
  return strict(scope, [left, right], (x = '', y = '') => build(x, y), { type, fails: type !== double });
}

/** A duration if it is one: tested where it stands, it stays in a register (`npm run bench -- cel`). */
function spanOf(scope: Scope, js: string): Code {
  const name = scope.temporary();
  const fails = `(${name} = ${js}, BigInt.asIntN(64, ${name}) !== ${name})`;
  return { js: `(${fails} ? undefined : ${name})`, type: duration, fails: true, range: null, guard: { fails, js: name } };
}

/** `-x`; 0 - 0 is 0, where -(0) would be -0. */
export function negate(scope: Scope, operand: Code): Code {
  if (operand.type.kind === 'double') return strict(scope, [operand], (x) => `-${x}`, { type: double });
  const [least, greatest] = operand.range ?? safe;
  return strict(scope, [operand], (x) => `0 - ${x}`, { type: int, range: [0 - greatest, 0 - least] });
}
