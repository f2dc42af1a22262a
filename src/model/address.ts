/** An IP address as a number of 32 or 128 bits. */
export type Address = { readonly bits: 32 | 128; readonly value: bigint };
/** A network: the bits beyond `length` are 0. */
export type Prefix = Address & { readonly length: number };

/** Any RFC 4291 or dotted text; undefined when it is not an address. */
export function parseAddress(text: string): Address | undefined {
  const value = text.includes(':') ? parseV6(text) : parseV4(text);
  if (value === undefined) return undefined;
  return { bits: text.includes(':') ? 128 : 32, value };
}

/** "10.1.2.3/8" is 10.0.0.0/8: host bits are dropped. undefined when it is not a prefix. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf('/');
  const address = slash < 0 ? undefined : parseAddress(text.slice(0, slash));
  const digits = text.slice(slash + 1);
  if (address === undefined || !/^(?:0|[1-9][0-9]{0,2})$/.test(digits) || Number(digits) > address.bits) return undefined;
  return prefixOf(address, Number(digits));
}

/** The network of `length` leading bits around an address. */
export function prefixOf(address: Address, length: number): Prefix {
  const rest = BigInt(address.bits - length);
  return { bits: address.bits, value: (address.value >> rest) << rest, length };
}

/** Whether every address of `inner` is one of `outer`; families never mix. */
export function within(inner: Address | Prefix, outer: Prefix): boolean {
  const length = 'length' in inner ? inner.length : inner.bits;
  if (inner.bits !== outer.bits || length < outer.length) return false;
  const rest = BigInt(outer.bits - outer.length);
  return inner.value >> rest === outer.value >> rest;
}

/** Canonical text: RFC 5952 for IPv6. */
export function addressText({ bits, value }: Address): string {
  if (bits === 32) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn));
  const { from, count } = longestZeros(groups);
  const text = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  // RFC 5952 section 4.2.2: one 16-bit group of zero is not shortened.
  if (count < 2) return text(groups);
  return `${text(groups.slice(0, from))}::${text(groups.slice(from + count))}`;
}

export const prefixText = (prefix: Prefix): string => `${addressText(prefix)}/${prefix.length}`;

function longestZeros(groups: readonly number[]): { readonly from: number; readonly count: number } {
  let best = { from: 0, count: 0 };
  for (let from = 0; from < groups.length; from++) {
    let count = 0;
    while (groups[from + count] === 0) count++;
    if (count > best.count) best = { from, count };
  }
  return best;
}

function parseV4(text: string): bigint | undefined {
  if (!/^(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){3}$/.test(text)) return undefined;
  const bytes = text.split('.').map(Number);
  return bytes.some((byte) => byte > 255) ? undefined : bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

function parseV6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map(parseGroups);
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const zeros = 8 - head.length - (tail?.length ?? 0);
  if (tail === undefined ? zeros !== 0 : zeros < 1) return undefined;
  const groups = [...head, ...Array.from({ length: zeros }, () => 0), ...(tail ?? [])];
  const value = groups.reduce((all, group) => (all << 16n) | BigInt(group), 0n);
  return value >> 32n === 0xffffn ? undefined : value;
}

function parseGroups(text: string): readonly number[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const groups: number[] = [];
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else {
      // RFC 4291 section 2.2: the last 32 bits may be written as IPv4.
      const v4 = i === parts.length - 1 ? parseV4(part) : undefined;
      if (v4 === undefined) return undefined;
      groups.push(Number(v4 >> 16n), Number(v4 & 0xffffn));
    }
  }
  return groups;
}
