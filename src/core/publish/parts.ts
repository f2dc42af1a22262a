import { createHash } from 'node:crypto';
import { fail, ok } from '../../model/problem.ts';
import type { Result } from '../../model/problem.ts';
import type { Entry, Table } from '../../model/table.ts';
import { protocolVersion } from '../limits.ts';
import { encode, entryLeaf, parsePayload } from './bytes.ts';
import type { Leaves } from './bytes.ts';
import { partShape } from './shapes.ts';

/**
 * Some of the entries of a snapshot that is too long for one message. It is not signed: the snapshot's signed message lists its hash. It
 * holds nothing of the one who asked, so that parts that came stay good when the same table is asked for again.
 */
export type Part = {
  readonly v: 1;
  readonly target: string;
  readonly revision: number;
  /** 1 … parts − 1; the signed message is part 0. */
  readonly part: number;
  readonly entries: Table;
};

/** What a part holds beside its entries, generously. */
const frameBytes = 256;

/** SHA-256 over the exact bytes, 64 hex digits. */
export const partHash = (payload: Uint8Array): string => createHash('sha256').update('flyball/part/v1\n').update(payload).digest('hex');

/** The table as parts of at most `bytesMax`, in order. */
export function cut(
  target: string,
  { revision, entries }: { readonly revision: number; readonly entries: Table },
  bytesMax: number,
  leaves: Leaves,
): { readonly payloads: readonly Uint8Array[]; readonly hashes: readonly string[] } {
  const payloads: Uint8Array[] = [];
  const close = (some: readonly Entry[]): void => {
    if (some.length === 0) return;
    payloads.push(encode({ v: protocolVersion, target, revision, part: payloads.length + 1, entries: some } satisfies Part));
  };
  let open: Entry[] = [];
  let bytes = frameBytes;
  for (const entry of entries) {
    const more = entryLeaf(entry, leaves).bytes + 1;
    if (bytes + more > bytesMax) {
      close(open);
      open = [];
      bytes = frameBytes;
    }
    open.push(entry);
    bytes += more;
  }
  close(open);
  return { payloads, hashes: payloads.map(partHash) };
}

/** A part whose hash is known to be listed: its shape, and that it is the one meant. */
export function readPart(
  payload: Uint8Array,
  is: { readonly target: string; readonly revision: number; readonly part: number },
): Result<Part> {
  const value = parsePayload(payload);
  if (!value.ok) return value;
  const wrong = partShape(value.value, '');
  if (wrong !== null) return refuse(wrong);
  const part = value.value as Part;
  const same = part.target === is.target && part.revision === is.revision && part.part === is.part;
  return same ? ok(part) : refuse(`part ${part.part} of revision ${part.revision} of ${part.target}, listed as another`);
}

const refuse = (what: string) =>
  fail({ code: 'E-MESSAGE' as const, what, at: 'part', todo: 'nothing was changed; upgrade whichever side is older' });
