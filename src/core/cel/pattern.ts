/** A repeat without end may be at work at every character of a text; an optional one as often as it is written out. */
const endlessSteps = 16;
const optionalSteps = 4;
const repeatedSteps = 2;

/**
 * What one character of a text may cost an engine that runs a regular expression in linear time: its instructions once repeats are written
 * out, those that can wait side by side for longer counted more. `pattern`: one that RE2 accepts. At most `most` + 1, however great.
 */
export function patternSteps(pattern: string, most: number): number {
  /** Of each open group: what it holds, and its last item, which a repeat would repeat. */
  const open = [{ whole: 0, last: 0 }];
  const add = (steps: number): void => {
    const group = open.at(-1)!;
    group.whole += group.last;
    group.last = Math.min(steps, most + 1);
  };
  const close = (): number => {
    const { whole, last } = open.pop() ?? { whole: 0, last: 0 };
    return Math.min(whole + last, most + 1);
  };
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at]!;
    const named = char === '(' ? /^\(\?(?:P?<[^>]*>|[imsU-]*[:)])/.exec(pattern.slice(at, at + 64))?.[0] : undefined;
    const repeat = char === '{' ? /^\{(\d{1,4})(,(\d{0,4}))?\}/.exec(pattern.slice(at, at + 12)) : null;
    if (char === '\\') {
      at++;
      add(1);
    } else if (char === '[') {
      at = classEnd(pattern, at);
      add(1);
    } else if (char === '(') {
      // (?i) opens no group.
      if (named?.endsWith(')') !== true) open.push({ whole: 0, last: 0 });
      at += (named?.length ?? 1) - 1;
    } else if (char === ')' && open.length > 1) add(close());
    else if (repeat !== null) {
      const group = open.at(-1)!;
      const times = Math.max(1, Number(repeat[1]), Number(repeat[3] ?? 0));
      group.last = Math.min(group.last * times * (times > 1 ? repeatedSteps : 1), most + 1);
      if (repeat[3] === '') add(endlessSteps);
      at += repeat[0].length - 1;
    } else add(char === '*' || char === '+' ? endlessSteps : char === '?' ? optionalSteps : 1);
  }
  let steps = 0;
  while (open.length > 0) steps += close();
  return Math.min(steps, most + 1);
}

/** Where a class that begins here ends: at the first ] that is not its first character, escaped, or the end of [:alpha:]. */
function classEnd(pattern: string, start: number): number {
  let at = start + 1;
  if (pattern[at] === '^') at++;
  if (pattern[at] === ']') at++;
  for (; at < pattern.length && pattern[at] !== ']'; at++) {
    if (pattern[at] === '\\') at++;
    else if (pattern.startsWith('[:', at)) at = Math.max(at, pattern.indexOf(':]', at) + 1);
  }
  return at;
}
