import { framingHeaders } from '../../src/model/framing.ts';

/**
 * Fields that belong to one connection and are never forwarded (RFC 9110 section 7.6.1). `expect` is here because this hop has already
 * answered it with 100 (Continue), section 10.1.1.
 */
const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'proxy-connection',
  'keep-alive',
  'te',
  'transfer-encoding',
  'upgrade',
  'proxy-authenticate',
  'proxy-authorization',
  'expect',
]);

/**
 * Fields for every recipient on the way: naming one of them in Connection is a sender's error (RFC 9110 section 7.6.1), or an attempt to
 * have this proxy strip what the next hop trusts.
 */
const neverNominated: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'content-type',
  'cache-control',
  'authorization',
  'cookie',
  'x-forwarded-for',
  'x-request-id',
  'via',
]);

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const printable = /^[\t\x20-\x7e]*$/;

/** Whether a table may write, or take out, this field. */
export const mayBeSaid = (name: string, value: string): boolean =>
  token.test(name) && printable.test(value) && !framingHeaders.has(name.toLowerCase());

/** Names in Connection, lower case; at most this many are looked at. */
const nominationsMax = 32;

/**
 * End-to-end fields of a message, order, case and repeats kept: `raw` is name, value, name, value … `without` are further names, lower
 * case, to leave out. Framing is up to the caller.
 */
export function endToEnd(raw: readonly string[], connection: string | undefined, without?: ReadonlySet<string>): string[] {
  const nominated = connection === undefined || plain.has(connection) ? null : nominations(connection);
  const kept: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || without?.has(lower) === true || nominated?.has(lower) === true) continue;
    kept.push(name, raw[i + 1] ?? '');
  }
  return kept;
}

/** By far the most frequent values of Connection: they nominate nothing. */
const plain: ReadonlySet<string> = new Set(['keep-alive', 'close', 'Keep-Alive', 'Close']);

function nominations(connection: string): ReadonlySet<string> {
  const names = connection
    .toLowerCase()
    .split(',', nominationsMax)
    .map((name) => name.trim());
  return new Set(names.filter((name) => !neverNominated.has(name)));
}
