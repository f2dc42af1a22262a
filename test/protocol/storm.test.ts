import { expect, test } from 'vitest';
import { createHold, step } from '../../src/core/hold/hold.ts';
import type { Effect, Input } from '../../src/core/hold/types.ts';
import { encode, tableHash } from '../../src/core/publish/bytes.ts';
import { cut } from '../../src/core/publish/parts.ts';
import { channelOf } from '../../src/core/publish/subjects.ts';
import type { DownChannel, SignedKind } from '../../src/core/publish/subjects.ts';
import { canon } from '../../src/model/canon.ts';
import { diffTables } from '../../src/model/diff.ts';
import { avoid, byId, capabilities } from './fixtures.ts';
import { createKeyring } from './keyring.ts';
import { seeded } from './random.ts';

/** `npm run soak -- forged` runs a million. */
const many = Number(process.env['FLYBALL_FORGED'] ?? 4_000);
const seed = Number(process.env['FLYBALL_SEED'] ?? 1);

const startMs = 1_700_000_000_000;
const epoch = startMs;
const target = 'side-1';
const instance = { adapter: 'a1', boot: 7 };
const tables = [1, 2, 3, 4, 5, 6].map((n) => byId([avoid(1, null), avoid(10 + n, null)]));
const tableOf = (revision: number) => tables[revision % tables.length] ?? [];

type Sent = {
  readonly channel: DownChannel;
  readonly payload: Uint8Array;
  readonly key: string;
  readonly signature: string;
};

test(
  `${many} forged, replayed, misdirected, downgraded and non-canonical messages: none is applied, each is counted`,
  { timeout: 3_600_000 },
  () => {
    const random = seeded(seed);
    const ring = createKeyring('real');
    const [old, good, gone] = [ring.make('aaaaaaaaaaaaaaaa', 0, startMs - 1), ring.make('bbbbbbbbbbbbbbbb'), ring.make('cccccccccccccccc')];
    const keySet = ring.set(3, [old, good]);
    let nowMs = 1_000;
    const hold = createHold({ target, instance, file: null, kind: 'builtin', capabilities, sees: { services: [] }, address: null, onEmpty: 'closed',
    verify: () => false, trust: ring.trust, draw: random, wallMs: startMs, monoMs: nowMs }); // prettier-ignore
    let device: unknown = null;
    const give = (input: Input): readonly Effect[] => {
      const effects = step(hold, input, nowMs);
      const further = effects.flatMap((effect) => {
        if (effect.kind === 'save') return give({ kind: 'saved', ok: true });
        if (effect.kind !== 'apply') return [];
        device = effect.table;
        return give({ kind: 'applied', rejected: null });
      });
      return [...effects, ...further];
    };
    const time = (): number => startMs + nowMs - 1_000;
    const signed = (kind: SignedKind, message: object | string, key = good.id, channel: Sent['channel'] = channelOf(kind)): Sent => {
      const payload = typeof message === 'string' ? Buffer.from(message, 'utf8') : encode(message);
      return { channel, payload, key, signature: ring.sign(kind, payload, key) };
    };
    const common = () => ({ v: 1, target, at: time(), epoch, issued: time() });
    const above = { overrides: [], lifted: [], keySet: null as object | null };
    const grant = { epoch, n: 1, instance };
    const head = (revision: number, more: object = {}) => ({
      ...common(),
      ...above,
      revision,
      hash: tableHash(target, tableOf(revision)),
      grant,
      ...more,
    });
    const diff = (revision: number, more: object = {}) => ({ ...common(), revision, table: 1, base: revision - 1, baseHash: tableHash(target, tableOf(revision - 1)),
    ops: diffTables(tableOf(revision - 1), tableOf(revision)), hash: tableHash(target, tableOf(revision)), ...more }); // prettier-ignore
    const snapshot = (revision: number, more: object = {}) => ({ ...head(revision), nonce: hold.ask.nonce ?? '00'.repeat(16), instance, entries: tableOf(revision),
    part: 0, parts: 1, hashes: [], ...more }); // prettier-ignore
    const real = (sent: Sent): readonly Effect[] => give({ kind: 'message', ...sent });

    give({ kind: 'start' });
    const past: Sent[] = [];
    const keep = (sent: Sent): void => {
      past.push(sent);
      real(sent);
    };
    keep(signed('snapshot', snapshot(3, { keySet })));
    for (const revision of [4, 5, 6]) {
      nowMs += 100;
      keep(signed('diff', diff(revision)));
      keep(signed('head', head(revision)));
    }
    nowMs += 1_000;
    real(signed('head', head(6)));
    expect(hold.file.held?.revision).toBe(6);
    // Seven is what everybody would like to have applied.
    const next = (): readonly [SignedKind, object] => random.pick([['diff', diff(7)], ['head', head(7)], ['snapshot', snapshot(7)]] as const); // prettier-ignore
    const stale = past.filter(({ payload }) => JSON.parse(Buffer.from(payload).toString('utf8')).revision !== 6);
    const { payloads } = cut(target, { revision: 7, entries: tableOf(7) }, 700, new WeakMap());
    const reasons: { readonly [name: string]: () => readonly [Sent, readonly string[]] } = {
      forged: () => {
        const [kind, message] = next();
        const payload = encode(message);
        const signature = ring.stranger.sign(Buffer.concat([Buffer.from(`flyball/v1/${kind}\n`), payload]));
        return [{ channel: channelOf(kind), payload, key: random.pick([good.id, 'dddddddddddddddd', '']), signature }, ['signature']];
      },
      changed: () => {
        const [kind, message] = next();
        const sent = signed(kind, message);
        const payload = Buffer.from(sent.payload);
        const at = random.integer(payload.length);
        payload[at] = (payload[at] ?? 0) ^ (1 << random.integer(7));
        return [{ ...sent, payload }, ['signature']];
      },
      'of another kind': () => {
        const [kind, message] = next();
        const other = random.pick(
          (['diff', 'head', 'snapshot', 'closed'] as const).filter((k) => k !== kind && !(kind === 'head' && k === 'closed')),
        );
        return [
          { ...signed(other, message), channel: channelOf(kind) },
          kind === 'head' && other === 'closed' ? ['malformed'] : ['signature'],
        ];
      },
      replayed: () => [random.pick(stale), ['old-revision', 'stale', 'nonce']],
      'by a revoked key': () => {
        const [kind, message] = next();
        return [signed(kind, message, gone.id), ['signature']];
      },
      'by a key that is over': () => {
        const [kind, message] = next();
        return [signed(kind, message, old.id), ['revoked']];
      },
      'for another target': () => {
        const [kind, message] = next();
        return [signed(kind, { ...message, target: random.pick(['side-2', 'side-10', 'side']) }), ['target']];
      },
      downgraded: () => {
        const [kind, message] = next();
        const by = random.pick([{ epoch: epoch - 1 - random.integer(1_000) }, { v: 2 }, { v: 0 }]);
        return [signed(kind, { ...message, ...by }), ['epoch', 'malformed']];
      },
      'an older head': () => [signed('head', head(random.integer(6), { issued: time() })), ['ahead']],
      'a key set that is not the root’s': () => {
        const forged = ring.set(4 + random.integer(9), [gone], ring.stranger);
        return [signed('head', head(7, { keySet: forged }), random.pick([good.id, gone.id])), ['key-set', 'signature']];
      },
      'an older key set': () => [
        signed('head', head(5, { keySet: ring.set(2, [good, gone]) }), random.pick([good.id, gone.id])),
        ['key-set-old', 'signature'],
      ],
      'an answer that nobody awaits': () => [signed('snapshot', snapshot(7, { nonce: random.hex(16) })), ['nonce']],
      'parts that nobody awaits': () => [{ channel: 'snapshot', payload: random.pick(payloads), key: '', signature: '' }, ['part']],
      'a list of parts that nobody awaits': () => [
        signed('snapshot', snapshot(7, { nonce: random.hex(16), entries: [], parts: 2, hashes: [random.hex(32)] })),
        ['nonce'],
      ],
      'not canonical': () => {
        const [kind, message] = next();
        const text = canon(message);
        const bent = random.pick([
          text.replace(':', ': '),
          text.replace('{', '{"at":1,'),
          text.replace(/"v":1/, '"v":1.0'),
          text.replace(/"v":1/, '"v":1e0'),
          ` ${text}`,
          `${text}\n`,
          `\ufeff${text}`,
          text.replace('"target"', '"\\u0074arget"'),
          text.slice(0, -1),
          text.replace('"at":', '"__proto__":1,"at":'),
        ]);
        return [signed(kind, bent), ['not-canonical']];
      },
    };
    const names = Object.keys(reasons);
    const counted = new Map<string, number>();
    const was = { held: hold.file.held?.hash, device, fence: hold.file.fence, keys: hold.keys?.signed.payload };
    for (let i = 0; i < many; i++) {
      const name = random.pick(names);
      const [sent, allowed] = reasons[name]?.() ?? [];
      if (sent === undefined || allowed === undefined) continue;
      const reports = give({ kind: 'message', ...sent }).flatMap((effect) => (effect.kind === 'report' ? [effect.reason] : []));
      const [reason] = reports;
      if (reason === undefined || !allowed.includes(reason))
        throw new Error(`${name}: ${reports.join()}: ${Buffer.from(sent.payload).toString('utf8')}`);
      counted.set(reason, (counted.get(reason) ?? 0) + 1);
      const same =
        hold.file.held?.hash === was.held &&
        device === was.device &&
        hold.file.fence === was.fence &&
        hold.keys?.signed.payload === was.keys;
      if (!same) throw new Error(`${name} changed something: ${Buffer.from(sent.payload).toString('utf8')}`);
      // Life goes on: ticks, and a true head now and then.
      if (i % 500 !== 499) continue;
      nowMs += 500;
      give({ kind: 'tick' });
      real(signed('head', head(6)));
    }
    const sum = [...counted.values()].reduce((a, b) => a + b, 0);
    expect(sum).toBe(many);
    process.stdout.write(`refused ${sum} ${JSON.stringify(Object.fromEntries(counted))}\n`);
    // And it stands in the way of nothing.
    nowMs += 100;
    real(signed('diff', diff(7)));
    expect(hold.file.held?.revision).toBe(7);
  },
);
