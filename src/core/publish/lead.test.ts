import { describe, expect, test } from 'vitest';
import { avoid, byId, capabilities } from '../../../test/protocol/fixtures.ts';
import { realKey } from '../../../test/protocol/keys.ts';
import type { TargetRow } from '../../model/revision.ts';
import type { Table } from '../../model/table.ts';
import { encode, parsePayload, tableHash } from './bytes.ts';
import { createLead, step } from './lead.ts';
import { decodeSigned } from './messages.ts';
import type { Ack, Announce, Instance, Proof } from './messages.ts';
import type { LeadEffect, LeadInput } from './types.ts';

const key = realKey('00112233aabbccdd');
const wallMs = 1_700_000_000_000;
const epoch = wallMs;
const target = 'side-1';
const instance: Instance = { adapter: 'a1', boot: 1 };
const one = byId([avoid(1, null)]);
const two = byId([avoid(1, null), avoid(2, null)]);

describe('a commit', () => {
  test('goes first, and only then the diff, with the head that proves it', () => {
    const l = leading();
    const [commit] = l.want(one);
    expect(commit).toMatchObject({ kind: 'commit', epoch, first: 1, last: 1, table: 1 });
    const rows = commit?.kind === 'commit' ? commit.rows : [];
    expect(rows).toMatchObject([
      { target, revision: 1, base: 0, baseHash: tableHash(target, []), hash: tableHash(target, one), epoch, table: 1 },
    ]);
    expect(l.sent()).toEqual([]);
    l.give({ kind: 'committed', outbox: [11] });
    expect(l.sent().map((s) => s.kind)).toEqual(['diff', 'head']);
    expect(l.done.filter((e) => e.kind === 'mark')).toEqual([{ kind: 'mark', outbox: [11] }]);
    expect(l.sent()[0]?.payload).toEqual(rows[0]?.bytes);
  });

  test('is one at a time: what is wanted meanwhile waits, the newest of it', () => {
    const l = leading();
    l.want(one);
    expect(l.want(two)).toEqual([]);
    expect(l.want([])).toEqual([]);
    expect(l.want(two)).toEqual([]);
    const effects = l.give({ kind: 'committed', outbox: [] });
    expect(effects.at(-1)).toMatchObject({ kind: 'commit', first: 2, last: 4, table: 2, rows: [{ revision: 2, base: 1, entries: two }] });
  });

  test('of nothing new is none', () => {
    const l = leading(one);
    expect(l.want(one)).toEqual([{ kind: 'settled', first: 1, last: 1 }]);
  });

  test('of unknown outcome: nothing is sent, and nothing committed before a new epoch', () => {
    const l = leading();
    l.want(one);
    expect(l.give({ kind: 'failed', why: 'unknown' })).toEqual([{ kind: 'reload', why: 'unknown' }]);
    expect(l.want(two)).toEqual([]);
    expect(l.sent()).toEqual([]);
    // It had been committed after all: read back, sent, and the next stands on it.
    const row = rowOf(1, one);
    const effects = l.give({ kind: 'loaded', epoch: epoch + 5, targets: [row], table: 1, unsent: [] });
    expect(effects.at(-1)).toMatchObject({ kind: 'commit', epoch: epoch + 5, rows: [{ revision: 2, base: 1, entries: two }] });
  });

  test('that failed is tried again, unless something newer is wanted', () => {
    const l = leading();
    l.want(one);
    l.give({ kind: 'failed', why: 'down' });
    const effects = l.give({ kind: 'loaded', epoch: epoch + 5, targets: [rowOf(0, [])], table: 0, unsent: [] });
    expect(effects.at(-1)).toMatchObject({ kind: 'commit', first: 1, last: 1, rows: [{ revision: 1, entries: one }] });
  });

  test('of what no receiver would take is refused by name', () => {
    const l = leading();
    const wild = [{ ...avoid(1, null), priority: 1_001 }];
    expect(l.want(wild)).toMatchObject([
      { kind: 'report', reason: 'malformed', what: 'ops.0.entry.priority: expected an integer from 0 to 1000' },
      { kind: 'settled' },
    ]);
    const twice = [{ ...avoid(1, null), priority: 7 }];
    const m = leading(one);
    expect(m.want([...twice, avoid(2, null)].sort((a, b) => (a.id < b.id ? -1 : 1)))).toMatchObject([
      { kind: 'report', reason: 'malformed' },
      { kind: 'settled' },
    ]);
  });

  test('for a target that nobody enrolled is reported', () => {
    const l = leading();
    expect(l.give({ kind: 'wanted', number: 1, tables: new Map([['side-9', one]]) })).toMatchObject([
      { reason: 'not-enrolled' },
      { kind: 'settled' },
    ]);
  });
});

describe('heads', () => {
  test('each second, for every enrolled target, also before anything was committed', () => {
    const l = leading();
    l.wait(5_000);
    const heads = l.sent().filter((s) => s.kind === 'head');
    expect(heads.length).toBe(5);
    expect(heads[0]?.message).toMatchObject({ epoch, revision: 0, hash: tableHash(target, []), grant: null });
  });

  test('of a new term carry its epoch, whatever the revision’s', () => {
    const l = leading(one, 4);
    l.wait(1_000);
    expect(l.sent().at(-1)?.message).toMatchObject({ epoch, revision: 4, hash: tableHash(target, one) });
  });
});

describe('an announce', () => {
  test('is answered with the whole table, its nonce and the grant', () => {
    const l = leading(one, 4);
    l.announce({ nonce: 'ab'.repeat(16) });
    const snapshot = l.sent().at(-1);
    expect(snapshot).toMatchObject({ kind: 'snapshot', message: { nonce: 'ab'.repeat(16), instance, revision: 4, entries: one } });
    expect(snapshot?.message).toMatchObject({ epoch, grant: { epoch, n: 1, instance }, part: 0, parts: 1 });
  });

  test('of an unknown target enrols it first; the planner hears of it when it can be planned for', () => {
    const l = leading();
    const effects = l.announce({ target: 'side-2' });
    expect(effects).toEqual([{ kind: 'enrol', target: 'side-2' }]);
    expect(l.announce({ target: 'side-2' })).toEqual([]);
    const row = { ...rowOf(0, []), name: 'side-2', hash: tableHash('side-2', []) };
    const after = l.give({ kind: 'enrolled', target: 'side-2', row });
    expect(after.map((e) => e.kind)).toEqual(['target', 'send']);
    expect(after[0]).toMatchObject({ info: { name: 'side-2', kind: 'builtin', sees: { services: ['checkout'] } }, address: 'http://x' });
    expect(l.announce({ target: 'side-2' }).map((e) => e.kind)).toEqual(['send']);
  });

  test('of a later boot takes the grant; one of an earlier boot is ignored', () => {
    const l = leading(one, 4);
    l.announce({});
    l.announce({ instance: { adapter: 'a1', boot: 3 } });
    expect(l.sent().at(-1)?.message).toMatchObject({ grant: { n: 2, instance: { adapter: 'a1', boot: 3 } } });
    expect(l.announce({})).toMatchObject([{ kind: 'send', channel: 'head' }]);
    expect(l.announce({ instance: { adapter: 'a1', boot: 2 } })).toMatchObject([{ kind: 'report', reason: 'old-boot' }]);
  });

  test('of another adapter takes it too, and the one before is closed for good', () => {
    const l = leading(one, 4);
    l.announce({});
    const other = { adapter: 'b2', boot: 1 };
    l.announce({ instance: other });
    expect(l.sent().map((s) => s.kind)).toEqual(['snapshot', 'closed', 'snapshot']);
    expect(l.sent()[1]?.message).toMatchObject({ instance });
    l.announce({});
    expect(l.sent().at(-1)).toMatchObject({ kind: 'closed', message: { instance } });
    expect(l.ack({ revision: 4, hash: tableHash(target, one) })).toMatchObject([{ reason: 'instance' }]);
  });

  test('in numbers is answered 32 between two ticks', () => {
    const l = leading();
    const names = Array.from({ length: 40 }, (_, n) => `t-${n}`);
    l.give({ kind: 'loaded', epoch, targets: names.map((name) => ({ ...rowOf(0, []), name })), table: 0, unsent: [] });
    for (const name of names) l.announce({ target: name });
    const snapshots = (): number => l.sent().filter((s) => s.kind === 'snapshot').length;
    expect(snapshots()).toBe(32);
    l.give({ kind: 'tick' });
    expect(snapshots()).toBe(40);
  });

  test('that speaks no common version is not answered', () => {
    const l = leading(one, 4);
    expect(l.announce({ speaks: { min: 2, max: 3 } })).toMatchObject([{ kind: 'report', reason: 'version' }]);
  });

  test('that is damaged, or of another target than its subject, is counted', () => {
    const l = leading();
    expect(l.give({ kind: 'announce', target, payload: Buffer.from('{') })).toMatchObject([{ reason: 'not-canonical', count: 1 }]);
    expect(l.give({ kind: 'announce', target, payload: Buffer.from('{}') })).toMatchObject([{ reason: 'malformed' }]);
    expect(l.give({ kind: 'announce', target: 'side-9', payload: encode(announceOf({})) })).toMatchObject([{ reason: 'target' }]);
  });
});

describe('an ack', () => {
  test('makes a delivery accepted, once', () => {
    const l = committed();
    const state = { kind: 'delivery', target, revision: 1, state: 'accepted', instance };
    expect(l.ack({ revision: 1, hash: tableHash(target, one) })).toMatchObject([state]);
    expect(l.ack({ revision: 1, hash: tableHash(target, one) })).toEqual([]);
    expect(l.lead.targets.get(target)).toMatchObject({ state: 'accepted', acked: 1 });
  });

  test('makes it rejected, with what the device said', () => {
    const l = committed();
    const entries = [{ id: one[0]?.id ?? '', code: 'E-FULL', text: 'full' }];
    expect(l.ack({ revision: 1, hash: tableHash(target, one), result: 'rejected', entries })).toMatchObject([
      { kind: 'delivery', state: 'rejected', entries },
    ]);
  });

  test('of a revision that is not ours changes nothing', () => {
    const l = committed();
    expect(l.ack({ revision: 1, hash: 'ab'.repeat(32) })).toMatchObject([{ reason: 'unknown-revision' }]);
    expect(l.lead.targets.get(target)?.state).toBe('sent');
  });

  test('that does not come: the same bytes are sent again, three times', () => {
    const l = committed();
    const diffs = () => l.sent().filter((s) => s.kind === 'diff');
    l.wait(30_000);
    expect(diffs().length).toBe(4);
    expect(new Set(diffs().map((d) => Buffer.from(d.payload).toString('hex'))).size).toBe(1);
  });

  test('tells of leases that ended at the target', () => {
    const l = committed();
    const ended = [one[0]?.id ?? ''];
    l.ack({ revision: 1, hash: tableHash(target, one) });
    expect(l.ack({ revision: 1, hash: tableHash(target, one), ended })).toEqual([{ kind: 'ended', target, revision: 1, ids: ended }]);
    expect(l.ack({ revision: 1, hash: tableHash(target, one), ended })).toEqual([]);
  });
});

describe('a proof', () => {
  const lacking: { readonly [name: string]: Proof } = {
    'a revision that the record lacks': proofOf(5, two),
    'another table of its revision': proofOf(4, two),
    'a later epoch': proofOf(4, one, epoch + 1_000),
  };
  test.each(Object.entries(lacking))('of %s stops every commit', (_name, held) => {
    const l = leading(one, 4);
    l.announce({});
    expect(l.ack({ revision: 4, hash: tableHash(target, one), result: 'ahead', held })).toMatchObject([
      { kind: 'behind', target, own: { revision: 4 } },
      { reason: 'ahead' },
    ]);
    expect(l.want(two)).toEqual([]);
    l.wait(2_000);
    expect(l.sent().some((s) => s.kind === 'head')).toBe(true);
  });

  test('of what the record has does not', () => {
    const l = leading(one, 4);
    l.announce({ held: proofOf(4, one) });
    expect(l.want(two)).toMatchObject([{ kind: 'commit' }]);
  });

  test('of an older revision is looked up', () => {
    const l = leading(one, 4);
    expect(l.announce({ held: proofOf(2, two) })).toMatchObject([
      { kind: 'lookup', target, revision: 2 },
      { kind: 'target' },
      { kind: 'send' },
    ]);
    expect(l.give({ kind: 'history', target, revision: 2, hash: tableHash(target, two) })).toEqual([]);
    l.announce({ held: proofOf(3, two) });
    expect(l.give({ kind: 'history', target, revision: 3, hash: tableHash(target, one) })).toMatchObject([{ kind: 'behind' }]);
  });

  test('that we have not signed is nothing but counted', () => {
    const l = leading(one, 4);
    const held = { ...proofOf(9, two), signature: 'x' };
    expect(l.announce({ held })).toMatchObject([{ reason: 'proof' }, { kind: 'target' }, { kind: 'send' }]);
    expect(l.lead.behind.size).toBe(0);
  });

  test('is also what the engine itself knew before its record was restored', () => {
    const l = leading(one, 4);
    expect(l.give({ kind: 'loaded', epoch: epoch + 9, targets: [rowOf(3, [])], table: 3, unsent: [] })[0]).toMatchObject({
      kind: 'behind',
      proven: { revision: 4 },
    });
  });
});

describe('a person accepts a restored history', () => {
  const accepted = epoch + 100;
  const reload = (targets: readonly TargetRow[], adopted = accepted): LeadInput => ({ kind: 'loaded', epoch: accepted, targets, table: 4, unsent: [], adopted }); // prettier-ignore

  test('the target that was ahead gets what the record has, above what it has seen', () => {
    const l = leading(one, 4);
    l.announce({ held: proofOf(9, two) });
    const effects = l.give(reload([rowOf(4, one)]));
    expect(effects).toContainEqual(
      expect.objectContaining({ kind: 'adopted', target, proven: expect.objectContaining({ revision: 9 }) as unknown }),
    );
    expect(effects.at(-1)).toMatchObject({ kind: 'commit', epoch: accepted, rows: [{ revision: 10, base: 4, entries: one }] });
    l.give({ kind: 'committed', outbox: [] });
    // A proof of what was given up, come late, changes nothing any more.
    l.announce({ held: proofOf(7, two) });
    expect(l.give({ kind: 'history', target, revision: 7, hash: null })).toEqual([]);
    expect(l.want(two)).toMatchObject([{ kind: 'commit', rows: [{ revision: 11, base: 10 }] }]);
  });

  test('and so does one that proves it later; but nothing of a later epoch', () => {
    const l = leading(one, 4);
    l.give(reload([rowOf(4, one)]));
    expect(l.announce({ held: proofOf(6, two) }).at(-1)).toMatchObject({ kind: 'commit', rows: [{ revision: 7, base: 4, entries: one }] });
    const m = leading(one, 4);
    m.give(reload([rowOf(4, one)], epoch));
    m.announce({ held: proofOf(6, two) });
    expect([...m.lead.behind.keys()]).toEqual([target]);
  });

  test('a target that the record has forgotten is enrolled above its proof', () => {
    const l = leading(one, 4);
    l.give(reload([]));
    l.wait(2_000);
    expect(l.sent().filter(({ kind }) => kind === 'head')).toEqual([]);
    expect(l.announce({ held: proofOf(4, one) })).toContainEqual({ kind: 'enrol', target });
    const effects = l.give({ kind: 'enrolled', target, row: rowOf(0, []) });
    expect(effects.at(-1)).toMatchObject({ kind: 'commit', rows: [{ revision: 5, base: 0, entries: [] }] });
  });
});

describe('an engine that leads no more', () => {
  test('is silent, whatever comes, until it leads again', () => {
    const l = leading(one, 4);
    l.announce({});
    l.want(two);
    l.done.length = 0;
    l.give({ kind: 'stepped-down' });
    l.give({ kind: 'committed', outbox: [1] });
    l.announce({ nonce: '11'.repeat(16) });
    l.wait(3_000);
    l.give({ kind: 'connected' });
    expect(l.want(one)).toEqual([]);
    expect(l.sent()).toEqual([]);
    l.give({ kind: 'loaded', epoch: epoch + 9, targets: [rowOf(5, two)], table: 5, unsent: [] });
    expect(l.sent()).toMatchObject([{ kind: 'head', message: { epoch: epoch + 9, revision: 5, grant: null } }]);
  });

  test('is so as soon as its lease is over, before any tick', () => {
    const l = leading(one, 4);
    l.give({ kind: 'leased', untilMs: 1_000 });
    l.wait(900);
    l.done.length = 0;
    l.pass(5_000);
    l.announce({});
    expect(l.sent()).toEqual([]);
    expect(l.lead.leads).toBe(false);
  });

  test('learns what targets can do, so that it can plan when it leads', () => {
    const l = leading(one, 4);
    l.give({ kind: 'stepped-down' });
    expect(l.announce({})).toMatchObject([{ kind: 'target', address: 'http://x' }]);
  });
});

test('a connection that broke: nothing is committed before a new epoch, and what was under way is wanted still', () => {
  const l = leading();
  l.want(one);
  expect(l.give({ kind: 'broken' })).toEqual([{ kind: 'reload', why: 'down' }]);
  expect(l.give({ kind: 'committed', outbox: [1] })).toEqual([]);
  expect(l.want(two)).toEqual([]);
  const effects = l.give({ kind: 'loaded', epoch: epoch + 5, targets: [rowOf(1, one)], table: 1, unsent: [] });
  expect(effects.at(-1)).toMatchObject({ kind: 'commit', epoch: epoch + 5, rows: [{ revision: 2, base: 1, entries: two }] });
});

test('what the outbox still holds is sent before the first head of the new term', () => {
  const first = leading();
  const [commit] = first.want(one);
  const row = commit?.kind === 'commit' ? commit.rows[0] : undefined;
  const lead = createLead(key);
  const unsent = row === undefined ? [] : [{ id: 5, row }];
  const effects = step(lead, { kind: 'loaded', epoch: epoch + 1, targets: [rowOf(1, one)], table: 1, unsent }, { monoMs: 0, wallMs });
  expect(effects.map((e) => (e.kind === 'send' ? e.channel : e.kind))).toEqual(['diff', 'delivery', 'mark', 'head']);
});

function rowOf(revision: number, entries: Table): TargetRow {
  return { name: target, revision, hash: tableHash(target, entries), epoch: epoch - 1, entries, enrolled: true };
}

function announceOf(more: Partial<Announce>): Announce {
  return {
    v: 1,
    target,
    at: wallMs,
    instance,
    held: null,
    overrides: [],
    clock: { time: wallMs, contact: false },
    refused: {},
    nonce: '00'.repeat(16),
    kind: 'builtin',
    capabilities,
    sees: { services: ['checkout'] },
    speaks: { min: 1, max: 1 },
    address: 'http://x',
    provisional: false,
    ...more,
  };
}

/** A lead that has loaded one target at this revision. */
function leading(entries: Table = [], revision = entries.length === 0 ? 0 : 1) {
  const lead = createLead(key);
  const done: LeadEffect[] = [];
  let monoMs = 0;
  let number = 0;
  const give = (input: LeadInput): readonly LeadEffect[] => {
    const effects = step(lead, input, { monoMs, wallMs: wallMs + monoMs });
    done.push(...effects);
    return effects;
  };
  give({ kind: 'loaded', epoch, targets: [rowOf(revision, entries)], table: revision, unsent: [] });
  done.length = 0;
  return {
    lead,
    done,
    give,
    want: (table: Table) => give({ kind: 'wanted', number: ++number, tables: new Map([[target, table]]) }),
    wait: (ms: number): void => {
      for (const end = monoMs + ms; monoMs < end;) {
        monoMs += 100;
        give({ kind: 'tick' });
      }
    },
    pass: (ms: number) => void (monoMs += ms),
    announce: (more: Partial<Announce>) => give({ kind: 'announce', target: more.target ?? target, payload: encode(announceOf(more)) }),
    ack: (more: Partial<Ack>) => {
      const { nonce: _n, kind: _k, capabilities: _c, sees: _s, speaks: _p, address: _a, provisional: _v, ...common } = announceOf({});
      const ack = { ...common, epoch, revision: 1, hash: 'ab'.repeat(32), result: 'accepted', entries: [], ended: [], ...more };
      return give({ kind: 'ack', target, payload: encode(ack) });
    },
    /** What was sent, verified and decoded as a receiver would. */
    sent: () =>
      done.flatMap((e) => {
        if (e.kind !== 'send') return [];
        const kinds = e.channel === 'head' ? (['head', 'closed'] as const) : [e.channel];
        const kind = kinds.find((k) => key.verify(k, e.payload, e.keyId, e.signature));
        const value = parsePayload(e.payload);
        const decoded = kind === undefined || !value.ok ? null : decodeSigned(kind, value.value);
        if (decoded?.ok !== true) throw new Error(`a ${e.channel} that no receiver takes`);
        return [{ kind: decoded.value.kind, message: decoded.value.message, payload: e.payload }];
      }),
  };
}

/** One whose first revision is committed and sent, to an adapter that has announced itself. */
function committed() {
  const l = leading();
  l.announce({});
  l.want(one);
  l.give({ kind: 'committed', outbox: [] });
  return l;
}

/** What an engine's head once said. */
const proofOf = (revision: number, entries: Table, by = epoch): Proof => {
  const hash = tableHash(target, entries);
  const head = {
    v: 1,
    target,
    at: wallMs,
    epoch: by,
    revision,
    hash,
    issued: wallMs,
    grant: null,
    overrides: [],
    lifted: [],
    keySet: null,
  };
  const payload = encode(head);
  return { kind: 'head', key: key.keyId, signature: key.sign('head', payload), payload: Buffer.from(payload).toString('utf8') };
};
