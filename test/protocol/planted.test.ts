import { describe, expect, test } from 'vitest';
import { plant } from './plant.ts';
import type { Bug } from './plant.ts';
import { simulate } from './simulate.ts';

/** Enough for the rarest of them, several times over. */
const seedsMax = 400;

const receive = 'src/core/hold/receive.ts';
const job = 'src/core/hold/job.ts';

const bugs: readonly Bug[] = [
  {
    name: 'a diff is applied to another revision than its base',
    file: receive,
    find: 'if (diff.base !== held.revision) return gap',
    replace: 'if (diff.base > diff.revision) return gap',
  },
  {
    name: 'a diff is applied though baseHash is another, and the result is not checked',
    file: receive,
    find: 'if (diff.baseHash !== held.hash) return gap',
    replace:
      'diff = { ...diff, hash: tableHash(diff.target, (applyOps(held.entries, diff.ops) as { value: Table }).value ?? held.entries) }; if (diff.epoch < 0) return gap',
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
];

describe('a planted bug is found', { timeout: 300_000 }, () => {
  test.each(bugs)('$name', async (bug) => {
    const code = await plant(bug);
    let found: string | null = null;
    for (let seed = 1; seed <= seedsMax && found === null; seed++) {
      const { violation } = simulate(seed, code);
      if (violation !== null) found = `seed ${seed}: ${violation}`;
    }
    if (process.env['SHOW'] === '1') process.stderr.write(`${bug.name} · ${found}\n`);
    expect(found).not.toBe(null);
  });
});
