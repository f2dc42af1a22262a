import { describe, expect, test } from 'vitest';
import { simulateEngines } from './engines.ts';
import { plant } from './plant.ts';
import type { Bug } from './plant.ts';
import { realCode } from './world.ts';

const seedsMax = 1_000;

const lease = 'src/core/publish/lease.ts';
const rival = 'src/core/publish/rival.ts';
const lead = 'src/core/publish/lead.ts';
const weigh = 'src/core/publish/weigh.ts';
const commit = 'src/core/publish/commit.ts';
const standdown = 'src/core/publish/standdown.ts';

const bugs: readonly Bug[] = [
  {
    name: 'a diff is applied though baseHash is another, and the result is not checked',
    file: 'src/core/hold/receive.ts',
    find: 'if (diff.baseHash !== held.hash) return gap',
    replace:
      'diff = { ...diff, hash: tableHash(diff.target, (applyOps(held.entries, diff.ops) as { value: Table }).value ?? held.entries) }; if (diff.epoch < 0) return gap',
  },
  {
    name: 'a standby takes over when the beat stood still for three seconds',
    file: rival,
    find: 'leaderLeaseMs + leaseMarginMs ?',
    replace: '3_000 ?',
  },
  {
    name: 'the beat is not compared: it stands still from when the holder was first seen',
    file: lease,
    find: ' && before.beat === row.beat;',
    replace: ';',
  },
  {
    name: 'the lease is taken from whoever has that epoch, though it beat meanwhile',
    file: rival,
    find: '? { epoch: row.epoch, beat: row.beat } : null;',
    replace: '? { epoch: row.epoch, beat: null } : null;',
  },
  {
    name: 'the lease counts from the answer to the beat',
    file: lease,
    find: 'writing.sentMs + leaderLeaseMs',
    replace: 'nowMs + leaderLeaseMs',
  },
  {
    name: 'the leader goes on for as long as the others wait',
    file: lease,
    find: 'const untilMs = taking.sentMs + leaderLeaseMs - leaseMarginMs;',
    replace: 'const untilMs = taking.sentMs + leaderLeaseMs + 2 * leaseMarginMs;',
  },
  {
    name: 'a lease that is over is noticed by the tick only, not by what comes first after a pause',
    file: lead,
    find: '  if (lead.leads && now.monoMs >= lead.leaseEndMs) standDown(lead);\n',
    replace: '',
  },
  {
    name: 'the lease goes on beating though the lead is silent',
    file: lease,
    find: "  if (lease.role === 'leader' && nowMs >= lease.untilMs) stepDown(turn, 'lapsed');\n",
    replace: '',
  },
  {
    name: 'who stepped down goes on speaking',
    file: standdown,
    find: '  lead.leads = false;\n',
    replace: '',
  },
  {
    name: 'a connection that broke is taken for the same record, without a new epoch',
    file: lead,
    find: "      return doubt(turn, 'down');\n",
    replace: '      return;\n',
  },
  {
    name: 'what was known of a target in an earlier term counts more than the record',
    file: lead,
    find: '  target.row = own;\n',
    replace: '  target.row = before ?? own;\n',
  },
  {
    name: 'a restored history is accepted without a person',
    file: weigh,
    find: 'if (proven.epoch < lead.adopted) return adopt',
    replace: 'if (proven.epoch <= lead.epoch) return adopt',
  },
  {
    name: 'an adopted target goes on from the revision of the record',
    file: commit,
    find: 'Math.max(row.revision, target.floor) + 1',
    replace: 'row.revision + 1',
  },
  {
    name: 'once behind, always behind: also after another engine has adopted',
    file: weigh,
    find: '  if (proven.epoch < lead.adopted) return adopt(turn, target, proven);\n',
    replace: '  if (proven.epoch < lead.adopted && lead.targets.size > 99) return adopt(turn, target, proven);\n',
  },
  {
    name: 'the answer to a commit of the term before is taken for the present one',
    file: commit,
    find: '  if (commit === null) return;\n  lead.commit = null;\n  lead.table = commit.table;\n',
    replace:
      '  if (commit === null) { for (const target of lead.targets.values()) if (target.row !== null) target.row = { ...target.row, revision: target.row.revision + 1 }; return; }\n  lead.commit = null;\n  lead.table = commit.table;\n',
  },
];

describe('a planted bug is found, and its seed is clean without it', { timeout: 900_000 }, () => {
  test.each(bugs)('$name', async (bug) => {
    const code = await plant(bug);
    let found: { readonly seed: number; readonly violation: string } | null = null;
    for (let seed = 1; seed <= seedsMax && found === null; seed++) {
      const { violation } = simulateEngines(seed, code);
      if (violation !== null) found = { seed, violation };
    }
    if (process.env['SHOW'] === '1') process.stderr.write(`${bug.name} · ${found?.seed}: ${found?.violation}\n`);
    expect(found).not.toBe(null);
    expect(simulateEngines(found?.seed ?? 0, realCode).violation).toBe(null);
  });
});
