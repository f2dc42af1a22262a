import { describe, expect, test } from 'vitest';
import { addressText, parseAddress, parsePrefix, prefixText, within } from '../../src/model/address.ts';
import { canon, tryCanon } from '../../src/model/canon.ts';
import { applyOps, diffTables } from '../../src/model/diff.ts';
import { tableText, toTable } from '../../src/model/normal.ts';
import type { Entry, Table } from '../../src/model/table.ts';
import { entryOf } from './make.ts';
import { randomOf, type Random } from './random.ts';

const randomEntry = (random: Random): Entry =>
  entryOf(
    { 'destination.port': [{ in: [random.below(20)] }] },
    { kind: 'allow' },
    { rule: random.pick(['a', 'b']), until: random.chance(0.3) ? null : random.below(3) },
  );
const randomTable = (random: Random): Table => toTable(Array.from({ length: random.below(12) }, () => randomEntry(random)));

describe('diffs', () => {
  test('5,000 random pairs: apply(diff(a, b), a) = b, in normal form; diff(a, a) is empty', () => {
    let renewals = 0;
    for (let seed = 1; seed <= 5_000; seed++) {
      const random = randomOf(seed);
      const [a, b] = [randomTable(random), randomTable(random)];
      const ops = diffTables(a, b);
      const applied = applyOps(a, ops);
      expect(applied.ok && tableText(applied.value), `seed ${seed}`).toBe(tableText(b));
      const ids = ops.map(({ id }) => id);
      expect(ids).toEqual([...new Set(ids)].sort());
      expect(diffTables(a, a)).toEqual([]);
      // Apply, then the inverse: back where it began.
      const back = applied.ok ? applyOps(applied.value, diffTables(b, a)) : applied;
      expect(back.ok && tableText(back.value)).toBe(tableText(a));
      renewals += ops.filter(({ op }) => op === 'renew').length;
    }
    expect(renewals).toBeGreaterThan(1_000);
  });

  test('operations that are not in normal form, or not for this table, change nothing', () => {
    const [x, y] = [entryOf({}, { kind: 'allow' }, { rule: 'x', until: 5 }), entryOf({}, { kind: 'allow' }, { rule: 'y' })].sort((a, b) =>
      a.id < b.id ? -1 : 1,
    );
    if (x === undefined || y === undefined) throw new Error('two entries');
    const bad = [
      [{ op: 'put', id: x.id, entry: x }],
      [{ op: 'put', id: y.id, entry: x }],
      [{ op: 'drop', id: y.id }],
      [{ op: 'renew', id: y.id, until: 9 }],
      [{ op: 'renew', id: x.id, until: x.until }],
      [
        { op: 'put', id: y.id, entry: y },
        { op: 'drop', id: x.id },
      ],
      [
        { op: 'drop', id: x.id },
        { op: 'put', id: x.id, entry: x },
      ],
    ] as const;
    for (const ops of bad) expect(applyOps([x], ops)).toMatchObject({ ok: false, problem: { code: 'E-OPS' } });
    expect(applyOps([x], [{ op: 'put', id: y.id, entry: y }])).toMatchObject({ ok: true });
  });

  test('of one intent twice, the one that ends later stays', () => {
    const ends = (...untils: readonly (number | null)[]): number | null | undefined =>
      toTable(untils.map((until) => entryOf({}, { kind: 'allow' }, { until })))[0]?.until;
    expect([ends(1, 2), ends(2, 1), ends(1, null), ends(null, 1)]).toEqual([2, 2, null, null]);
  });
});

describe('canonical JSON', () => {
  test('RFC 8785: names in UTF-16 order, no spaces, its own escapes', () => {
    expect(canon({ b: [1, true, null], a: { '\u20ac': 'x', '\r': 1, '1': 2 } })).toBe('{"a":{"\\r":1,"1":2,"€":"x"},"b":[1,true,null]}');
    expect(canon('\u0000\u001f"\\/\u007f😀')).toBe('"\\u0000\\u001f\\"\\\\/\u007f😀"');
    expect(canon({ '\ud83d\ude00': 1, '\uffff': 2 })).toBe('{"\ud83d\ude00":1,"\uffff":2}');
  });
  test.each([
    [0.5],
    [2 ** 53],
    [-0],
    [Number.NaN],
    [Infinity],
    ['\ud800'],
    [{ '\udc00': 1 }],
    [undefined],
    [{ a: undefined }],
    [1n],
    [new Map()],
    [new Date(0)],
    [JSON.parse('{"__proto__":1}')],
    [() => 1],
  ])('refuses %s', (value) => {
    expect(() => canon(value)).toThrow();
    expect(tryCanon({ value }, 'x')).toMatchObject({ ok: false, problem: { code: 'E-CANON', at: 'x' } });
  });
  test('refuses a hole, and depth over 16', () => {
    const hole: number[] = [];
    hole[1] = 1;
    expect(() => canon(hole)).toThrow();
    const nest = (depth: number): unknown => (depth === 0 ? 1 : [nest(depth - 1)]);
    expect(canon(nest(16))).toHaveLength(33);
    expect(() => canon(nest(17))).toThrow();
  });
  test('is its own form: canon(parse(canon(x))) = canon(x)', () => {
    for (let seed = 1; seed <= 500; seed++) {
      const text = canon(randomTable(randomOf(seed)));
      expect(canon(JSON.parse(text))).toBe(text);
    }
  });
});

describe('addresses', () => {
  test.each([
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['::', '::'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['2001:db8::192.0.2.1', '2001:db8::c000:201'],
    ['10.0.0.1', '10.0.0.1'],
  ])('%s is written %s (RFC 5952)', (text, want) => {
    const address = parseAddress(text);
    expect(address && addressText(address)).toBe(want);
  });
  test.each([
    '',
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    '1:2:3',
    '1::2::3',
    ':::',
    'fe80::1%eth0',
    '12345::',
    '1:2:3:4:5:6:7:8:9',
    '1.2.3.4:5',
    '::1.2.3.4.5',
    '1:2:3:4:5:6:7::8:9',
  ])('%s is no address', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });
  test.each(['10.0.0.0', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/08', '10.0.0.0/-1', '::/129', 'x/8'])('%s is no prefix', (text) => {
    expect(parsePrefix(text)).toBeUndefined();
  });
  test('prefixes drop host bits and never mix families', () => {
    const [v4, all6] = [parsePrefix('10.1.2.3/8'), parsePrefix('::/0')];
    const address = parseAddress('10.9.9.9');
    if (v4 === undefined || all6 === undefined || address === undefined) throw new Error('parsed');
    expect(prefixText(v4)).toBe('10.0.0.0/8');
    expect([within(address, v4), within(address, all6), within(v4, v4)]).toEqual([true, false, true]);
  });
});
