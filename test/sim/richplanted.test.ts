import { describe, expect, test } from 'vitest';
import { plant } from './plant.ts';
import type { Bug } from './plant.ts';
import { simulateRich } from './rich.ts';
import { realCode } from './world.ts';

/** Enough for the rarest of them, several times over. */
const seedsMax = 1_000;

const hold = 'src/core/hold';
const publish = 'src/core/publish';

const bugs: readonly Bug[] = [
  {
    name: 'lost parts are never asked for again',
    file: `${hold}/parts.ts`,
    find: '  if (answer === null || list === null || nowMs < dueMs) return;',
    replace: '  if (answer === null || list === null || nowMs < dueMs + 1e9) return;',
  },
  {
    name: 'parts are put together in the order in which they came',
    file: `${hold}/parts.ts`,
    find: 'const entries = [...list.places.keys()].flatMap(',
    replace: 'const entries = [...had.keys()].flatMap(',
  },
  {
    name: 'a table is taken when all parts but one are here',
    file: `${hold}/parts.ts`,
    find: 'had.size < list.places.size) return null;',
    replace: 'had.size + 1 < list.places.size) return null;',
  },
  {
    name: 'a part that no signed list names is taken',
    file: `${hold}/parts.ts`,
    find: '  if (parts.list?.places.has(hash) === true) return take(turn, parts.list, hash, payload);',
    replace:
      '  if (parts.list !== null) { let part; try { part = JSON.parse(Buffer.from(payload).toString("utf8")); } catch { return; } const [at] = [...parts.list.places.keys()].slice(part.part - 1); if (at !== undefined) parts.had.set(at, { entries: part.entries, bytes: 0 }); return; }',
  },
  {
    name: 'an older key set is taken',
    file: `${hold}/keys.ts`,
    find: 'if (hold.keys === null || set.version > hold.keys.set.version) return',
    replace: 'if (hold.keys === null || set.version > 0) return',
  },
  {
    name: 'a key set counts though the root has not signed it',
    file: `${publish}/keyset.ts`,
    find: '  if (!trust.rootSigned(bytes, signature)) return null;\n',
    replace: '',
  },
  {
    name: 'a key that was taken out still counts',
    file: `${hold}/keys.ts`,
    find: '  const key = keys.find(({ id }) => id === input.key);\n  if (key === undefined || !inForce',
    replace:
      '  const key = [...keys, ...(hold.keys?.past ?? []).map((one) => ({ ...one, from: 0, to: null }))].find(({ id }) => id === input.key);\n  if (key === undefined || !inForce',
  },
  {
    name: 'a key that is over still counts',
    file: `${hold}/keys.ts`,
    find: 'if (key === undefined || !inForce(key, engineTime(hold.clock, nowMs))) return undefined;',
    replace: 'if (key === undefined) return undefined;',
  },
  {
    name: 'a new key set is not written to disk',
    file: `${hold}/job.ts`,
    find: 'keySet: keyFile(hold.keys) };\n  hold.job',
    replace: 'keySet: why === "start" ? keyFile(hold.keys) : file.keySet };\n  hold.job',
  },
  {
    name: 'a key set is confirmed before it is on disk',
    file: `${hold}/tell.ts`,
    find: 'keys: hold.keysSaved,',
    replace: 'keys: hold.keys?.set.version ?? 0,',
  },
  {
    name: 'a new key signs before all who are there know it',
    file: `${publish}/keys.ts`,
    find: 'return live.every(({ keys }) => keys >= set.version);',
    replace: 'return live.some(({ keys }) => keys >= set.version);',
  },
  {
    name: 'what a closed adapter says of its key set counts for the one in its place',
    file: `${publish}/listen.ts`,
    find: '  target.speaks = announce.speaks;\n',
    replace: '  target.speaks = announce.speaks;\n  target.keys = announce.keys ?? 0;\n',
  },
  {
    name: 'the engine goes on with the key it has, for ever',
    file: `${publish}/keys.ts`,
    find: '  lead.keyId = newest.id;\n',
    replace: '  if (present === undefined) lead.keyId = newest.id;\n',
  },
  {
    name: 'the engine signs with a key that was taken out',
    file: `${publish}/keys.ts`,
    find: 'if (present === newest) return;',
    replace: 'if (present === newest || lead.epoch > 0) return;',
  },
  {
    name: 'an adapter of a shared device gives it the table of its file at the start',
    file: `${hold}/master.ts`,
    find: "options.shared !== true || master.phase === 'writing'",
    replace: "options.shared !== true || master.phase === 'writing' || master.phase === 'none'",
  },
  {
    name: 'the snapshot that brings a grant is applied, without asking again',
    file: `${hold}/receive.ts`,
    find: '  if (takeMastership(turn, snapshot.grant) || !mayAdopt(hold, snapshot.grant)) return;\n',
    replace: '  takeMastership(turn, snapshot.grant);\n',
  },
  {
    name: 'a nonce from before mastership still counts',
    file: `${hold}/master.ts`,
    find: '  hold.ask = { ...noAsk, sentMs: hold.ask.sentMs };\n',
    replace: '  if (hold.ask.nonce === null) hold.ask = { ...noAsk, sentMs: hold.ask.sentMs };\n',
  },
  {
    name: 'a lease ends at a shared device before the answer that was asked for after mastership',
    file: `${hold}/hold.ts`,
    find: '  const writes = mayWrite(hold);\n',
    replace: "  const writes = mayWrite(hold) || hold.master.phase === 'asking';\n",
  },
  {
    name: 'a closed adapter gets the grant back',
    file: `${publish}/listen.ts`,
    find: 'if (instance.boot <= (target.closed.get(instance.adapter) ?? -1)) {',
    replace: 'if (instance.boot < 0) {',
  },
  {
    name: 'what is meant for another target is taken',
    file: `${hold}/verify.ts`,
    find: 'if (target !== hold.options.target && !isForAll) return drop',
    replace: 'if (target === "" && !isForAll) return drop',
  },
];

describe('a planted bug is found', { timeout: 600_000 }, () => {
  test.each(bugs)('$name', async (bug) => {
    const code = await plant(bug);
    let found: { readonly seed: number; readonly violation: string } | null = null;
    for (let seed = 1; seed <= seedsMax && found === null; seed++) {
      const { violation } = simulateRich(seed, code);
      if (violation !== null) found = { seed, violation };
    }
    if (process.env['SHOW'] === '1') process.stderr.write(`${bug.name} · ${found?.seed}: ${found?.violation}\n`);
    expect(found).not.toBe(null);
    // It is the bug that was found, not the seed.
    expect(simulateRich(found?.seed ?? 0, realCode).violation).toBe(null);
  });
});
