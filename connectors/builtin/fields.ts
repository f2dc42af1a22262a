/** Field lines of a message (RFC 9112 section 5), read strictly: what is not plainly right is refused, not repaired. */
export type Fields = {
  /** Name, value, name, value …, as sent. */
  readonly raw: readonly string[];
  /** By name in lower case; repeats joined by ", " (RFC 9110 section 5.3). */
  readonly byName: ReadonlyMap<string, string>;
};

const fieldsMax = 256;
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Text that may stand in a line: no controls but HTAB (RFC 9110 section 5.5), so neither a bare CR nor a bare LF nor a folded line. */
const plain = /^[\t\x20-\x7e\x80-\xff]*$/;

/** null: these are no field lines. */
export function parseFields(lines: readonly string[]): Fields | null {
  const raw: string[] = [];
  const byName = new Map<string, string>();
  if (lines.length > fieldsMax) return null;
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon);
    // No white space before the colon, section 5.1: it has been used to smuggle.
    if (colon < 1 || !token.test(name) || !plain.test(line)) return null;
    const value = unpadded(line, colon + 1);
    raw.push(name, value);
    const lower = name.toLowerCase();
    const before = byName.get(lower);
    byName.set(lower, before === undefined ? value : `${before}, ${value}`);
  }
  return { raw, byName };
}

/** The rest of a line without blanks and tabs around it. Not trim(), which would take a byte 0xA0 too. */
function unpadded(line: string, from: number): string {
  let start = from;
  let end = line.length;
  while (start < end && isBlank(line.charCodeAt(start))) start++;
  while (end > start && isBlank(line.charCodeAt(end - 1))) end--;
  return line.slice(start, end);
}

const isBlank = (code: number): boolean => code === 32 || code === 9;

export type StatusLine = { readonly minor: 0 | 1; readonly status: number; readonly reason: string };

/** null: not the status line of HTTP/1.x (RFC 9112 section 4). A missing reason may come without its blank, as many servers send it. */
export function parseStatusLine(line: string): StatusLine | null {
  const [, minor, status, reason = ''] = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: (.*))?$/.exec(line) ?? [];
  if (status === undefined || !plain.test(reason)) return null;
  return { minor: minor === '0' ? 0 : 1, status: Number(status), reason };
}
