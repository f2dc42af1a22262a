import { describe, expect, test } from 'vitest';
import { plant } from './plant.ts';
import type { Bug } from './plant.ts';
import { simulate } from './simulate.ts';
import { realCode } from './world.ts';

/** Enough for the rarest of them, several times over. */
const seedsMax = 1_000;

const receive = 'src/core/hold/receive.ts';
const job = 'src/core/hold/job.ts';
const override = 'src/core/hold/override.ts';

const bugs: readonly Bug[] = [
  {
    name: 'a diff is applied to another revision than its base',
    file: receive,
    find: 'if (diff.base !== held.revision) return gap',
    replace: 'if (diff.base > diff.revision) return gap',
  },
  {
    name: 'messages of an older epoch than the fence are taken',
    file: receive,
    find: 'if (epoch < hold.file.fence) {',
    replace: 'if (epoch < 0) {',
  },
  {
    name: 'the fence is forgotten when a table is saved',
    file: job,
    find: 'keySet: keyFile(hold.keys) };\n  hold.job',
    replace: 'keySet: keyFile(hold.keys), fence: why === "start" ? 0 : file.fence };\n  hold.job',
  },
  {
    name: 'the device first, then the file',
    file: job,
    find: "  out.push({ kind: 'save', file: next });\n}",
    replace: "  toDevice(turn, hold.job);\n  out.push({ kind: 'save', file: next });\n}",
  },
  {
    name: 'a table that could not be written is switched on all the same',
    file: job,
    find: "if (!okay && job.why === 'adopt') {",
    replace: 'if (!okay && job.next.boot < 0) {',
  },
  {
    name: 'a snapshot is taken without its nonce',
    file: 'src/core/hold/grant.ts',
    find: 'if (hold.ask.nonce === null || snapshot.nonce !== hold.ask.nonce) {',
    replace: 'if (snapshot.nonce === "") {',
  },
  {
    name: 'epoch and revision are compared as one, in dictionary order',
    file: receive,
    find: "if (held !== null && snapshot.revision < held.revision) return ack(turn, 'ahead', about);",
    replace:
      "if (held !== null && (snapshot.epoch < held.epoch || (snapshot.epoch === held.epoch && snapshot.revision < held.revision))) return ack(turn, 'ahead', about); if (held !== null && snapshot.revision !== held.revision) return adopt(turn, about, snapshot.entries, { verified, provisional: false });",
  },
  {
    name: 'another table of the same revision is taken',
    file: receive,
    find: "if (held !== null && snapshot.revision === held.revision && snapshot.hash !== held.hash) return ack(turn, 'fork', about);",
    replace:
      'if (held !== null && snapshot.revision === held.revision && snapshot.hash !== held.hash) return adopt(turn, about, snapshot.entries, { verified, provisional: false });',
  },
  {
    name: 'leases never end',
    file: 'src/core/hold/lease.ts',
    find: 'until <= timeMs',
    replace: 'until < 0',
  },
  {
    name: 'leases end two seconds early',
    file: 'src/core/hold/lease.ts',
    find: 'until <= timeMs',
    replace: 'until <= timeMs + 2_000',
  },
  {
    name: 'what ended is forwarded again with the next table',
    file: 'src/core/hold/lease.ts',
    find: 'if (file.ended.length === 0) return base;',
    replace: 'if (file.ended.length >= 0) return base;',
  },
  {
    name: 'a table the device refused stays on disk',
    file: job,
    find: "out.push({ kind: 'save', file: { ...hold.file, fence: job.next.fence, keySet: job.next.keySet } });",
    replace: "out.push({ kind: 'save', file: job.next });",
  },
  {
    name: 'a gap is asked about once only',
    file: 'src/core/hold/ask.ts',
    find: 'attempt: attempt + 1, dueMs: nowMs + wait }',
    replace: 'attempt: attempt + 1, dueMs: wait < 0 ? 0 : Number.MAX_SAFE_INTEGER }',
  },
  {
    name: 'a diff is sent before it is committed',
    file: 'src/core/publish/commit.ts',
    find: '  lead.commit = { rows, last, table };\n',
    replace:
      '  lead.commit = { rows, last, table };\n  for (const row of rows) out.push({ kind: "send", channel: "diff", target: row.target, payload: row.bytes, keyId: row.keyId, signature: row.signature });\n',
  },
  {
    name: 'the engine goes on in the same epoch after a commit whose outcome is unknown',
    file: 'src/core/publish/commit.ts',
    find: '  lead.ready = false;\n',
    replace: '',
  },
  {
    name: 'the engine takes a target that holds the newest revision for one from the future',
    file: 'src/core/publish/weigh.ts',
    find: 'if (proven.revision > own.revision)',
    replace: 'if (proven.revision >= own.revision)',
  },
  {
    name: 'the engine commits on though a target proves what it lacks',
    file: 'src/core/publish/commit.ts',
    find: ' || lead.behind.size > 0) return;',
    replace: ') return;',
  },
  {
    name: 'a diff is taken through a freeze',
    file: receive,
    find: "if (held !== null && isOverridden(hold.file, engineTime(hold.clock, nowMs))) return ackSeldom(turn, 'frozen', about);",
    replace: '',
  },
  {
    name: 'a snapshot is taken through a freeze',
    file: receive,
    find: "if (held !== null && isOverridden(hold.file, engineTime(hold.clock, nowMs))) return ack(turn, 'frozen', about);",
    replace: '',
  },
  {
    name: 'what was lifted counts again when it comes late',
    file: override,
    find: 'const gone = new Set(file.lifted.map(({ id }) => id));',
    replace: 'const gone = new Set<string>();',
  },
  {
    name: 'lifted ids are forgotten at once',
    file: override,
    find: 'lifted: lifted.slice(-liftedMax),',
    replace: 'lifted: lifted.slice(-1),',
  },
  {
    name: 'the mildest of several overrides counts',
    file: override,
    find: 'strictest(file.mode === null ? modes : [file.mode, ...modes])',
    replace: "(modes.includes('freeze') ? 'freeze' : strictest(modes))",
  },
  {
    name: 'a freeze keeps leases from ending, and nothing else ends it',
    file: override,
    find: 'overrides.filter(({ until }) => until > timeMs)',
    replace: 'overrides.filter(({ until }) => until > timeMs - 60_000)',
  },
  {
    name: 'off leaves leased entries where they are',
    file: 'src/core/hold/lease.ts',
    find: "if (file.mode === 'off') return entries.filter(({ until }) => until === null);",
    replace: '',
  },
  {
    name: 'a table that is new under a freeze is installed with what is past its time',
    file: 'src/core/hold/lease.ts',
    find: 'const over = isNew ? overdue(file, timeMs) : due(file, timeMs);',
    replace: 'const over = due(file, isNew ? timeMs : timeMs);',
  },
];

describe('a planted bug is found, and its seed is clean without it', { timeout: 300_000 }, () => {
  test.each(bugs)('$name', async (bug) => {
    const code = await plant(bug);
    let found: { readonly seed: number; readonly violation: string } | null = null;
    for (let seed = 1; seed <= seedsMax && found === null; seed++) {
      const { violation } = simulate(seed, code);
      if (violation !== null) found = { seed, violation };
    }
    if (process.env['SHOW'] === '1') process.stderr.write(`${bug.name} · ${found?.seed}: ${found?.violation}\n`);
    expect(found).not.toBe(null);
    expect(simulate(found?.seed ?? 0, realCode).violation).toBe(null);
  });
});
