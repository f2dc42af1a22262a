import { createHash } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { AuditEntry, RevisionRow, Store, TargetRow } from '../../src/ports/store.ts';
import { seeded, until } from './tools.ts';
import { rowAfter, auditOf } from './storerows.ts';

/** A real database under test, empty and migrated. */
export type StoreHarness = {
  readonly url: string;
  readonly open: () => Promise<Store>;
  /** kill -9, and everything it had in memory is gone. */
  readonly kill: () => Promise<void>;
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

// A real server on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 60_000 });

type Ask = Parameters<Store['takeEpoch']>[0];
const ask = { address: '', floor: 0, adopts: false, draw: 0, skewMaxMs: 2_000 } as const;

/** From whatever stands there now. */
const tryTake = async (store: Store, more: Partial<Ask> = {}) => {
  const { epoch } = await store.leader();
  return await store.takeEpoch({ ...ask, holder: 'engine-a', over: { epoch, beat: null }, nowMs: Date.now(), ...more });
};

const take = async (store: Store, holder = 'engine-a', more: Partial<Ask> = {}): Promise<number> => {
  const taken = await tryTake(store, { holder, ...more });
  if (!('epoch' in taken)) throw new Error('refused' in taken ? `${taken.refused.holder} leads` : taken.problem.what);
  return taken.epoch;
};

/** What the Store port promises, checked against a real Postgres. */
export function storeConformance(name: string, begin: () => Promise<StoreHarness>): void {
  describe(`store: ${name}`, () => {
    let harness: StoreHarness;
    let store: Store;
    let sql: pg.Client;
    beforeAll(async () => {
      harness = await begin();
      store = await harness.open();
      sql = new pg.Client({ connectionString: harness.url });
      sql.on('error', () => undefined);
      await sql.connect();
    });
    afterAll(async () => {
      await sql.end();
      await store.close();
      await harness.stop();
    });
    const count = async (table: string): Promise<number> =>
      Number((await sql.query<{ n: string }>(`select count(*) n from ${table}`)).rows[0]?.n);

    test('an empty store', async () => {
      expect(await store.load()).toEqual({ rules: [], targets: [], table: 0, unsent: [], adopted: 0 });
      expect(store.up()).toBe(true);
      expect(Number.parseInt(store.about.version, 10)).toBeGreaterThanOrEqual(15);
    });

    test('a target begins at revision 0 with the hash of its empty table, and is enrolled once', async () => {
      const row = await store.enrol('first');
      const hash = createHash('sha256').update('flyball/table/v1\nfirst\n').digest('hex');
      expect(row).toEqual({ name: 'first', revision: 0, hash, epoch: 0, entries: [], enrolled: true });
      const epoch = await take(store);
      const next = rowAfter(row, { epoch, entries: 2 });
      expect(await store.commit({ holder: 'engine-a', epoch, revisions: [next], audit: [] })).toBe('committed');
      expect(await store.enrol('first')).toEqual({
        name: 'first',
        revision: 1,
        hash: next.hash,
        epoch,
        entries: next.entries,
        enrolled: true,
      });
      await expect(store.enrol('No Name')).rejects.toThrow('No Name');
    });

    test('an epoch is above every earlier one and not below the present time', async () => {
      const before = Date.now();
      const a = await take(store);
      expect(a).toBeGreaterThanOrEqual(before);
      expect(await take(store, 'engine-a', { draw: 63 })).toBeGreaterThan(a);
      const floor = Date.now() + 1_000_000;
      expect(await take(store, 'engine-a', { floor })).toBe(floor + 1);
      expect(await take(store)).toBe(floor + 2);
      await sql.query('update leader set epoch = $1', [a]);
    });

    test('of many that take the lease at once, one gets it, and the others are told who', async () => {
      const row = await store.leader();
      const over = { epoch: row.epoch, beat: row.beat };
      const many = await Promise.all(Array.from({ length: 6 }, (_, i) => tryTake(store, { holder: `e${i}`, over, draw: i })));
      const won = many.flatMap((taken, i) => ('epoch' in taken ? [{ holder: `e${i}`, epoch: taken.epoch }] : []));
      expect(won).toHaveLength(1);
      expect(many.filter((taken) => 'refused' in taken)).toHaveLength(5);
      for (const taken of many) if ('refused' in taken) expect(taken.refused).toMatchObject(won[0] ?? {});
      expect(await store.leader()).toMatchObject(won[0] ?? {});
    });

    test('a beat keeps the lease, another epoch or name has lost it; a beat that came meanwhile refuses the take', async () => {
      const epoch = await take(store, 'engine-a');
      const seen = await store.leader();
      expect(await store.beat({ holder: 'engine-a', epoch, address: 'http://a' })).toBe('held');
      expect(await store.leader()).toEqual({ holder: 'engine-a', epoch, beat: seen.beat + 1, address: 'http://a' });
      expect(await store.beat({ holder: 'engine-b', epoch, address: '' })).toBe('lost');
      expect(await store.beat({ holder: 'engine-a', epoch: epoch - 1, address: '' })).toBe('lost');
      const late = await tryTake(store, { holder: 'engine-b', over: { epoch, beat: seen.beat } });
      expect(late).toEqual({ refused: await store.leader() });
      await store.release({ holder: 'engine-b', epoch });
      expect((await store.leader()).holder).toBe('engine-a');
      await store.release({ holder: 'engine-a', epoch });
      expect((await store.leader()).holder).toBe('');
      const row = await store.enrol('released');
      const revisions = [rowAfter(row, { epoch, entries: 1 })];
      expect(await store.commit({ holder: 'engine-a', epoch, revisions, audit: [] })).toMatchObject({ failed: 'stale' });
    });

    test('a revision follows the one before it; after a person accepted a restored history it may lie further above', async () => {
      const row = await store.enrol('adopted');
      const epoch = await take(store);
      const above = { ...rowAfter(row, { epoch, entries: 1 }), revision: 8 };
      expect(await store.commit({ holder: 'engine-a', epoch, revisions: [above], audit: [] })).toMatchObject({ failed: 'stale' });
      const accepted = await take(store, 'engine-a', { adopts: true });
      expect((await store.load()).adopted).toBe(accepted);
      const next = { ...above, epoch: accepted };
      expect(await store.commit({ holder: 'engine-a', epoch: accepted, revisions: [next], audit: [] })).toBe('committed');
      expect((await store.places()).find(({ name: n }) => n === 'adopted')).toEqual({ name: 'adopted', revision: 8, hash: next.hash, epoch: accepted }); // prettier-ignore
      const below = { ...rowAfter({ ...row, revision: 8, hash: next.hash }, { epoch: accepted, entries: 2 }), revision: 7 };
      expect(await store.commit({ holder: 'engine-a', epoch: accepted, revisions: [below], audit: [] })).toMatchObject({ failed: 'stale' });
      await sql.query('update leader set adopted = 0');
    });

    test('what a target refuses is kept, until it is not; an epoch that has ended keeps nothing', async () => {
      const row = await store.enrol('refuses');
      const old = await take(store);
      const epoch = await take(store);
      const quarantine = {
        capabilities: 'c'.repeat(64),
        entries: [{ id: 'e'.repeat(32), code: 'E-X', text: 'no\u0000t', revision: 3, at: 5 }],
      };
      const keep = (at: number, what: typeof quarantine | null) => store.quarantine({ holder: 'engine-a', epoch: at, target: 'refuses', quarantine: what }); // prettier-ignore
      await keep(epoch, quarantine);
      expect(await store.enrol('refuses')).toEqual({ ...row, quarantine });
      await keep(old, null);
      expect(await store.enrol('refuses')).toEqual({ ...row, quarantine });
      await keep(epoch, null);
      expect(await store.enrol('refuses')).toEqual(row);
    });

    test.each([3_000, -3_000])('a clock that differs by %d ms takes no epoch, and changes nothing', async (ms) => {
      const { rows: before } = await sql.query('select * from leader');
      expect(await tryTake(store, { holder: 'wrong', nowMs: Date.now() + ms })).toMatchObject({
        failed: 'clock',
        problem: { code: 'E-CLOCK' },
      });
      expect((await sql.query('select * from leader')).rows).toEqual(before);
    });

    test('whatever is committed in whatever order, the store agrees with a list of what it acknowledged', async () => {
      const random = seeded(11);
      const model = new Map<string, TargetRow>();
      for (const target of ['m-a', 'm-b', 'm-c']) model.set(target, await store.enrol(target));
      let epoch = await take(store);
      const old: number[] = [1];
      let acknowledged: RevisionRow[] = [];
      for (let i = 0; i < 60; i++) {
        if (random.below(10) === 0) {
          old.push(epoch);
          epoch = await take(store);
        }
        const mine = random.below(8) === 0 ? random.pick(old) : epoch;
        const targets = ['m-a', 'm-b', 'm-c'].filter(() => random.below(2) === 0);
        const rows = targets.map((target) =>
          rowAfter(model.get(target) as TargetRow, { epoch: mine, entries: random.below(5), table: i + 1 }),
        );
        const fault = random.below(6);
        const first = rows[0];
        if (first !== undefined && fault === 0) rows[0] = { ...first, baseHash: 'f'.repeat(64) };
        if (first !== undefined && fault === 1) rows[0] = { ...first, revision: first.revision + 1, base: first.base + 1 };
        if (first !== undefined && fault === 2) rows[0] = { ...first, target: 'm-unknown' };
        const wrong = mine !== epoch || (first !== undefined && fault < 3);
        const audits = await count('audit');
        const result = await store.commit({
          holder: 'engine-a',
          epoch: mine,
          revisions: rows,
          audit: [auditOf({ body: { i } }), auditOf({ body: { i } })],
        });
        if (wrong) expect(result).toMatchObject({ failed: 'stale', problem: { code: 'E-STALE' } });
        else expect(result).toBe('committed');
        expect(await count('audit')).toBe(audits + (wrong ? 0 : 2));
        if (wrong) continue;
        acknowledged = [...acknowledged, ...rows];
        for (const row of rows)
          model.set(row.target, {
            name: row.target,
            revision: row.revision,
            hash: row.hash,
            epoch: row.epoch,
            entries: row.entries,
            enrolled: true,
          });
      }
      const loaded = await store.load();
      expect(loaded.targets.filter((t) => t.name.startsWith('m-'))).toEqual([...model.values()]);
      expect(loaded.table).toBe(Math.max(...acknowledged.map((row) => row.table)));
      const unsent = loaded.unsent.filter(({ row }) => row.target.startsWith('m-'));
      expect(unsent.map(({ row }) => row)).toEqual(acknowledged);
      expect(unsent.map(({ id }) => id)).toEqual(unsent.map(({ id }) => id).sort((a, b) => a - b));
      expect(acknowledged.length).toBeGreaterThan(20);
      for (const target of model.keys())
        expect(await store.revisions(target, 1_000)).toEqual(acknowledged.filter((row) => row.target === target).reverse());
      await store.markSent(unsent.slice(0, 5).map(({ id }) => id));
      await store.markSent([]);
      expect((await store.load()).unsent.filter(({ row }) => row.target.startsWith('m-'))).toEqual(unsent.slice(5));
    });

    test('several revisions of one target in one commit follow each other', async () => {
      const row = await store.enrol('chain');
      const epoch = await take(store);
      const one = rowAfter(row, { epoch, entries: 1 });
      const two = rowAfter({ ...row, ...one, name: 'chain', enrolled: true }, { epoch, entries: 2 });
      expect(await store.commit({ holder: 'engine-a', epoch, revisions: [one, two], audit: [] })).toBe('committed');
      expect(await store.enrol('chain')).toMatchObject({ revision: 2, hash: two.hash });
      expect(await store.commit({ holder: 'engine-a', epoch, revisions: [two], audit: [] })).toMatchObject({ failed: 'stale' });
    });

    test('of several commits of the same revision at once, one is committed', async () => {
      const row = await store.enrol('race');
      const epoch = await take(store);
      const rows = Array.from({ length: 6 }, (_, i) => rowAfter(row, { epoch, entries: i }));
      const results = await Promise.all(rows.map((next) => store.commit({ holder: 'engine-a', epoch, revisions: [next], audit: [] })));
      expect(results.filter((result) => result === 'committed')).toHaveLength(1);
      expect(results.filter((result) => result !== 'committed' && result.failed === 'stale')).toHaveLength(5);
      expect((await store.enrol('race')).hash).toBe(rows[results.indexOf('committed')]?.hash);
    });

    test('a new leader ends the old one: no commit of an earlier epoch or another name gets through', async () => {
      const row = await store.enrol('lead');
      const a = await take(store, 'engine-a');
      const b = await take(store, 'engine-b');
      const next = rowAfter(row, { epoch: a, entries: 1 });
      for (const [holder, epoch] of [
        ['engine-a', a],
        ['engine-a', b],
        ['engine-b', a],
      ] as const)
        expect(await store.commit({ holder, epoch, revisions: [next], audit: [] })).toMatchObject({ failed: 'stale' });
      expect(await store.commit({ holder: 'engine-b', epoch: b, revisions: [{ ...next, epoch: b }], audit: [] })).toBe('committed');
    });

    test.each([
      ['rule', `update rule set text = 'x'`],
      ['rule', 'delete from rule'],
      ['rule', 'truncate rule'],
      ['revision', `update revision set hash = 'x'`],
      ['revision', 'delete from revision'],
      ['revision', 'truncate revision cascade'],
      ['audit', `update audit set kind = 'x'`],
      ['audit', 'delete from audit'],
      ['audit', 'truncate audit'],
      ['outbox', 'delete from outbox'],
      ['outbox', 'truncate outbox'],
      ['outbox', 'update outbox set revision = revision + 1'],
      ['outbox', 'update outbox set sent = false where sent'],
      ['leader', 'delete from leader'],
    ])('what happened stays: %s refuses "%s"', async (table, statement) => {
      const { rows } = await sql.query(`select * from ${table} order by 1, 2`);
      await expect(sql.query(statement)).rejects.toThrow(/refused/);
      expect((await sql.query(`select * from ${table} order by 1, 2`)).rows).toEqual(rows);
    });

    test('saves of one rule at once give revisions without gap or repeat, each with its audit entry', async () => {
      const texts = Array.from({ length: 8 }, (_, i) => `text ${i}`);
      const saves = await Promise.all(
        texts.map((text, i) => store.saveRule({ name: 'many', text, author: 'a', reason: 'r', at: 1_000.25 + i })),
      );
      expect(saves.every((save) => save.changed)).toBe(true);
      expect(saves.map((save) => save.revision.revision).sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      const history = await store.ruleHistory('many');
      expect(history.map((revision) => revision.revision)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      expect(history.map((revision) => revision.text).sort()).toEqual(texts);
      expect((await store.audit({ rule: 'many', kinds: ['rule'], limit: 100 })).map((entry) => entry.revision)).toEqual([
        1, 2, 3, 4, 5, 6, 7, 8,
      ]);
    });

    test('a rule is saved in the epoch that leads, and in no other', async () => {
      const epoch = await take(store, 'engine-a');
      const save = (holder: string, at: number) => store.saveRule({ as: { holder, epoch: at }, name: 'led', text: `${holder} ${at}`, author: 'a', reason: '', at: 1 }); // prettier-ignore
      expect((await save('engine-a', epoch)).revision).toEqual({
        name: 'led',
        revision: 1,
        text: `engine-a ${epoch}`,
        author: 'a',
        reason: '',
        at: 1,
      });
      for (const [holder, at] of [
        ['engine-b', epoch],
        ['engine-a', epoch - 1],
      ] as const)
        // prettier-ignore
        await expect(save(holder, at)).rejects.toMatchObject({ problem: { code: 'E-STANDBY' } });
      expect(await store.ruleHistory('led')).toHaveLength(1);
    });

    test('an unchanged text makes no revision; removing is one; what is not there cannot be removed', async () => {
      const save = (text: string | null) => store.saveRule({ name: 'one', text, author: 'a', reason: '', at: 5.5 });
      const first = await save('x: "\u00e9\u{1F600}\n"');
      expect(first).toEqual({
        changed: true,
        revision: { name: 'one', revision: 1, text: 'x: "\u00e9\u{1F600}\n"', author: 'a', reason: '', at: 5.5 },
      });
      expect(await save('x: "\u00e9\u{1F600}\n"')).toEqual({ ...first, changed: false });
      expect((await save(null)).revision).toMatchObject({ revision: 2, text: null });
      expect((await save(null)).changed).toBe(false);
      expect((await save('y')).revision.revision).toBe(3);
      const present = (await store.load()).rules.find((rule) => rule.name === 'one');
      expect(present).toMatchObject({ revision: 3, text: 'y' });
      await expect(save('a\0b')).rejects.toMatchObject({ problem: { code: 'E-RULE-TEXT' } });
      await expect(store.saveRule({ name: 'nobody', text: null, author: 'a', reason: '', at: 1 })).rejects.toMatchObject({
        problem: { code: 'E-RULE-UNKNOWN' },
      });
    });

    test('audit: kept exactly, in order, found by each filter, the newest within a limit', async () => {
      const given: AuditEntry[] = Array.from({ length: 20 }, (_, i) =>
        auditOf({
          at: 1_700_000_000_000.125 + i,
          kind: i % 2 === 0 ? 'ack' : 'effect',
          target: `au-${i % 3}`,
          rule: `au-r${i % 4}`,
          revision: i,
          key: `{"k":"${i % 5}"}`,
          entries: [`e${i % 7}`, 'with "quotes", {braces} and \\'],
          body: { i, text: '\u0000 \u00e9 \u{1F600} \ud800', nested: [{ a: null, b: 0.1 }] },
        }),
      );
      await store.append(given);
      const all = await store.audit({ kinds: ['ack', 'effect'], limit: 100 });
      expect(all.map((entry) => ({ ...entry, id: 0 }))).toEqual(given);
      const ids = all.map((entry) => entry.id);
      expect(ids).toEqual([...ids].sort((a, b) => a - b));
      const only = (keep: (entry: AuditEntry) => boolean): readonly AuditEntry[] => all.filter(keep);
      expect(await store.audit({ entry: 'e3', limit: 100 })).toEqual(only((e) => e.entries.includes('e3')));
      expect(await store.audit({ entry: 'e3', target: 'au-0', limit: 100 })).toEqual(
        only((e) => e.entries.includes('e3') && e.target === 'au-0'),
      );
      expect(await store.audit({ rule: 'au-r1', key: '{"k":"0"}', limit: 100 })).toEqual(
        only((e) => e.rule === 'au-r1' && e.key === '{"k":"0"}'),
      );
      expect(await store.audit({ kinds: ['ack'], limit: 3 })).toEqual(only((e) => e.kind === 'ack').slice(-3));
      expect(await store.audit({ kinds: ['ack', 'effect'], sinceId: ids[14] ?? 0, limit: 100 })).toEqual(all.slice(15));
      expect(await store.audit({ kinds: [], limit: 100 })).toEqual([]);
      expect(await store.audit({ target: "'; drop table audit; --", limit: 100 })).toEqual([]);
    });

    test('audit: a body over 64 KiB is cut and says so; a NUL in a name stops nothing', async () => {
      await store.append([auditOf({ target: 'au-big', rule: 'a\0b', body: { long: '\u00e9'.repeat(40_000) } })]);
      const [entry] = await store.audit({ target: 'au-big', limit: 1 });
      expect(entry).toMatchObject({ rule: 'a\uFFFDb', body: { cut: true, bytes: 80_011 } });
      await store.append([]);
    });

    test('audit: thousands at once are all there, in order', async () => {
      await store.append(Array.from({ length: 9_000 }, (_, i) => auditOf({ target: 'au-many', revision: i })));
      const all = await store.audit({ target: 'au-many', limit: 10_000 });
      expect(all.map((entry) => entry.revision)).toEqual(Array.from({ length: 9_000 }, (_, i) => i));
    });

    test('audit: who read up to an id never finds a smaller one later', async () => {
      let since = (await store.audit({ limit: 1 })).at(-1)?.id ?? 0;
      let seen = 0;
      let writing = true;
      const writers = Promise.all(
        Array.from({ length: 5 }, async () => {
          for (let i = 0; i < 20; i++) await store.append([auditOf({ target: 'au-order' })]);
        }),
      ).finally(() => (writing = false));
      for (let last = false; !last;) {
        last = !writing;
        const next = await store.audit({ target: 'au-order', sinceId: since, limit: 10_000 });
        seen += next.length;
        since = next.at(-1)?.id ?? since;
      }
      await writers;
      expect(seen).toBe(100);
    });

    test('killed in the middle of commits: what was acknowledged is there, what failed is not, and it goes on by itself', async () => {
      const changes: boolean[] = [];
      const unwatch = store.watch((up) => changes.push(up));
      let row = await store.enrol('crash');
      const results: string[] = [];
      for (let round = 0; round < 3; round++) {
        const epoch = await take(store);
        const kill = new Promise<void>((resolve) => setTimeout(() => resolve(harness.kill()), 40 + round * 13));
        let last: RevisionRow | null = null;
        let outcome = 'committed';
        while (outcome === 'committed') {
          last = rowAfter(row, { epoch, entries: 3 });
          const result = await store.commit({
            holder: 'engine-a',
            epoch,
            revisions: [last],
            audit: [auditOf({ target: 'crash', revision: last.revision })],
          });
          outcome = result === 'committed' ? result : result.failed;
          if (outcome === 'committed') row = { ...row, revision: last.revision, hash: last.hash, epoch, entries: last.entries };
        }
        results.push(outcome);
        expect(['unknown', 'down']).toContain(outcome);
        await kill;
        await until('noticed', () => !store.up());
        expect(await store.commit({ holder: 'engine-a', epoch, revisions: [], audit: [auditOf({})] })).toMatchObject({
          // A connection of before may still be there to be written to.
          failed: expect.stringMatching(/^(?:down|unknown)$/) as string,
          problem: { code: 'E-DB-DOWN' },
        });
        await expect(store.append([auditOf({})])).rejects.toMatchObject({ problem: { code: 'E-DB-DOWN' } });
        await harness.start();
        await until('back', () => store.up());
        const found = await store.enrol('crash');
        // Acknowledged is there; of an unknown outcome either; nothing else.
        const may = outcome === 'unknown' && last !== null ? [row.hash, last.hash] : [row.hash];
        expect(may).toContain(found.hash);
        row = found;
        const chain = (await store.revisions('crash', 1_000)).map((r) => r.revision);
        expect(chain).toEqual(Array.from({ length: found.revision }, (_, i) => found.revision - i));
        expect((await store.audit({ target: 'crash', limit: 10_000 })).map((entry) => entry.revision)).toEqual(chain.toReversed());
      }
      unwatch();
      expect(changes).toEqual([false, true, false, true, false, true]);
    });

    test('a commit that was not answered is unknown, not failed', async () => {
      const row = await store.enrol('silent');
      const epoch = await take(store);
      const admin = new pg.Client({ connectionString: harness.url });
      await admin.connect();
      // Deferred, so it runs when the transaction ends: the session is ended right there.
      await admin.query(`create function hang() returns trigger language plpgsql as $$ begin perform pg_sleep(30); return null; end $$`);
      await admin.query(
        'create constraint trigger hang after insert on revision deferrable initially deferred for each row execute function hang()',
      );
      const committing = store.commit({ holder: 'engine-a', epoch, revisions: [rowAfter(row, { epoch, entries: 1 })], audit: [] });
      await until('at the end', async () => {
        const { rows } = await admin.query<{ pid: number }>(
          `select pid from pg_stat_activity where wait_event = 'PgSleep' and pid <> pg_backend_pid()`,
        );
        for (const { pid } of rows) await admin.query('select pg_terminate_backend($1)', [pid]);
        return rows.length > 0;
      });
      expect(await committing).toMatchObject({ failed: 'unknown', problem: { code: 'E-DB-DOWN' } });
      await admin.query('drop trigger hang on revision');
      await admin.end();
      expect((await store.enrol('silent')).revision).toBe(0);
    });

    test('a commit that was refused is not unknown: nothing was written, and it may be tried again', async () => {
      const row = await store.enrol('refused');
      const epoch = await take(store);
      await sql.end();
      sql = new pg.Client({ connectionString: harness.url });
      await sql.connect();
      await sql.query(
        `create function full_disk() returns trigger language plpgsql as $$ begin raise exception 'no space' using errcode = '53100'; end $$`,
      );
      await sql.query(
        'create constraint trigger full_disk after insert on revision deferrable initially deferred for each row execute function full_disk()',
      );
      const next = rowAfter(row, { epoch, entries: 1 });
      const commit = () => store.commit({ holder: 'engine-a', epoch, revisions: [next], audit: [] });
      expect(await commit()).toMatchObject({ failed: 'down', problem: { code: 'E-DB-DOWN' } });
      await sql.query('drop trigger full_disk on revision');
      expect(await commit()).toBe('committed');
    });

    test('closing twice is closing once', async () => {
      const other = await harness.open();
      await Promise.all([other.close(), other.close()]);
      expect(other.up()).toBe(false);
      await expect(other.load()).rejects.toThrow();
    });
  });
}
