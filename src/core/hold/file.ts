import { fail, ok } from '../../model/problem.ts';
import { overrideModes } from '../../model/override.ts';
import type { Result } from '../../model/problem.ts';
import { endedMax, entriesMax, keySetCharsMax, liftedMax, messageBytesMax, olderMax, overridesMax, pastKeysMax } from '../limits.ts';
import { tableHash } from '../publish/bytes.ts';
import { also, flag, hash64, integer, list, optional, orNull, record, safe, text, word } from '../publish/check.ts';
import { entryId, table } from '../publish/entry.ts';
import { readProof } from '../publish/proof.ts';
import { override } from '../publish/shapes.ts';
import type { Trust } from '../publish/keyset.ts';
import type { Verify } from '../publish/proof.ts';
import { publicEver, readKeyFile } from './keys.ts';
import type { Held, HoldFile } from './types.ts';

/**
 * A durable file as read back: its shape, and that every table in it is the one an engine's key signed for this target. `E-HOLD-FILE`
 * otherwise: then it is set aside and the adapter starts with nothing, rather than with what nobody published.
 */
export function decodeFile(value: unknown, target: string, verify: Verify, trust: Trust | null = null): Result<HoldFile> {
  const wrong = shape(value, '');
  if (wrong !== null) return refuse(wrong, target);
  const file = value as HoldFile;
  if (file.target !== target) return refuse(`it is of target ${file.target}`, target);
  const ever = verifyEver(file, verify, trust);
  const foreign = [...(file.held === null ? [] : [file.held]), ...file.older].find((held) => !stands(held, target, ever));
  return foreign === undefined ? ok(file) : refuse(`its revision ${foreign.revision} is not what the engine signed`, target);
}

function stands(held: Held, target: string, verify: Verify): boolean {
  const proven = readProof(held.proof, verify);
  if (proven === null || proven.target !== target || proven.revision !== held.revision || proven.hash !== held.hash) return false;
  return tableHash(target, held.entries) === held.hash;
}

/** A table that a key signed which is revoked by now was published all the same: it stays (protocol.md section 4). */
function verifyEver(file: HoldFile, verify: Verify, trust: Trust | null): Verify {
  const keys = readKeyFile(file.keySet, trust);
  return (kind, payload, id, signature) => {
    const known = keys === null ? undefined : publicEver(keys, id);
    return (known !== undefined && trust?.signedBy(known, kind, payload, signature) === true) || verify(kind, payload, id, signature);
  };
}

const held = record({
  epoch: safe,
  revision: safe,
  hash: hash64,
  entries: table,
  proof: record({
    kind: word('kind', ['diff', 'head', 'snapshot']),
    key: text(64),
    signature: text(128),
    payload: text(messageBytesMax),
  }),
  provisional: flag,
});

const shape = also(
  record({
    v: integer(1, 1),
    target: text(63),
    adapter: text(64),
    boot: safe,
    fence: safe,
    held: orNull(held),
    ended: list(record({ id: entryId, until: safe }), endedMax + entriesMax),
    overrides: list(override, overridesMax),
    lifted: list(record({ id: entryId, at: safe }), liftedMax),
    mode: orNull(word('mode', overrideModes)),
    graceUntil: orNull(safe),
    older: list(held, olderMax),
    time: safe,
  }),
  optional(
    'keySet',
    orNull(
      record({
        payload: text(keySetCharsMax),
        signature: text(128),
        past: list(record({ id: text(16), public: text(43) }), pastKeysMax),
      }),
    ),
  ),
);

const refuse = (what: string, target: string) =>
  fail({
    code: 'E-HOLD-FILE' as const,
    what: `the file of held tables cannot be used: ${what}`,
    at: target,
    todo: 'it is kept beside the new one; the engine sends the table again',
  });
