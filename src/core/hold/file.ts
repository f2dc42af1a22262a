import { fail, ok } from '../../model/problem.ts';
import { overrideModes } from '../../model/override.ts';
import type { Result } from '../../model/problem.ts';
import { endedMax, entriesMax, liftedMax, messageBytesMax, olderMax, overridesMax } from '../limits.ts';
import { tableHash } from '../publish/bytes.ts';
import { flag, hash64, integer, list, orNull, record, safe, text, word } from '../publish/check.ts';
import { entryId, table } from '../publish/entry.ts';
import { readProof } from '../publish/proof.ts';
import { override } from '../publish/shapes.ts';
import type { Verify } from '../publish/proof.ts';
import type { Held, HoldFile } from './types.ts';

/**
 * A durable file as read back: its shape, and that every table in it is the one an engine's key signed for this target. `E-HOLD-FILE`
 * otherwise: then it is set aside and the adapter starts with nothing, rather than with what nobody published.
 */
export function decodeFile(value: unknown, target: string, verify: Verify): Result<HoldFile> {
  const wrong = shape(value, '');
  if (wrong !== null) return refuse(wrong, target);
  const file = value as HoldFile;
  if (file.target !== target) return refuse(`it is of target ${file.target}`, target);
  const foreign = [...(file.held === null ? [] : [file.held]), ...file.older].find((held) => !stands(held, target, verify));
  return foreign === undefined ? ok(file) : refuse(`its revision ${foreign.revision} is not what the engine signed`, target);
}

function stands(held: Held, target: string, verify: Verify): boolean {
  const proven = readProof(held.proof, verify);
  if (proven === null || proven.target !== target || proven.revision !== held.revision || proven.hash !== held.hash) return false;
  return tableHash(target, held.entries) === held.hash;
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

const shape = record({
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
});

const refuse = (what: string, target: string) =>
  fail({
    code: 'E-HOLD-FILE' as const,
    what: `the file of held tables cannot be used: ${what}`,
    at: target,
    todo: 'it is kept beside the new one; the engine sends the table again',
  });
