/** Subjects and patterns as NATS has them: tokens joined by dots; in a pattern `*` is one token, a last `>` one or more. */

const charsMax = 255;
/** Printable, and nothing that means something on the wire or in a pattern. Unicode is NATS's to allow, not ours to need. */
const token = /^[!-)+-\-/-=?-~]+$/;

export const subjectOk = (subject: string): boolean => subject.length <= charsMax && subject.split('.').every((part) => token.test(part));

export const patternOk = (pattern: string): boolean =>
  pattern.length <= charsMax &&
  pattern.split('.').every((part, i, parts) => token.test(part) || part === '*' || (part === '>' && i === parts.length - 1));

/** A test of subjects that are `subjectOk` against one pattern that is `patternOk`. */
export function matcher(pattern: string): (subject: string) => boolean {
  const parts = pattern.split('.');
  const open = parts.at(-1) === '>';
  const fixed = open ? parts.slice(0, -1) : parts;
  return (subject) => {
    const tokens = subject.split('.');
    if (open ? tokens.length <= fixed.length : tokens.length !== fixed.length) return false;
    return fixed.every((part, i) => part === '*' || part === tokens[i]);
  };
}
