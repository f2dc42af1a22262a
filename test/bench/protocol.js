import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHold, step } from '../../dist/src/core/hold/hold.js';
import { entriesMax, messageBytesMax } from '../../dist/src/core/limits.js';
import { encode, tableHash } from '../../dist/src/core/publish/bytes.js';
import { cut } from '../../dist/src/core/publish/parts.js';
import { applyOps, diffTables } from '../../dist/src/model/diff.js';
import { openDurable } from '../../dist/src/runtime/durable.js';
import { engineKeys } from '../../dist/src/runtime/keys.js';
import { median } from './measure.js';

/**
 * `npm run bench -- protocol`: what one message costs, and from the bytes of a snapshot of 10,000 entries on the wire to the table in force:
 * signature, parts, hash, state machine and the durable file, on this disk; the device itself takes no time here. Medians in ms.
 */
const entries = 10_000;
const rounds = 15;
const startMs = 1_700_000_000_000;
const target = 'side-1';
const instance = { adapter: 'a1', boot: 1 };
const grant = { epoch: startMs, n: 1, instance };
const capabilities = { actions: ['avoid'], fields: ['destination.service'], tests: ['in'], entriesMax, atomic: true, costNs: 1 };

export async function run() {
  const folder = mkdtempSync(join(tmpdir(), 'flyball-bench-'));
  try {
    const opened = engineKeys(folder);
    if (!opened.ok) throw new Error(opened.problem.what);
    return await measure(folder, opened.value);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function print({ rows }) {
  const width = Math.max(...rows.map(({ text }) => text.length));
  return rows.map(({ text, ms }) => `${text.padEnd(width)}  ${ms.toFixed(3).padStart(10)} ms\n`).join('');
}

async function measure(folder, { signer, verifier }) {
  const table = tableOf(entries);
  const head = Buffer.from(encode(message({ revision: 1, hash: tableHash(target, table) })));
  const signature = signer.sign('head', head);
  const ops = diffTables([], table);
  const leaves = new WeakMap();
  tableHash(target, table, leaves);
  const rows = [
    { text: 'sign a head', ms: timed(() => signer.sign('head', head), 100) },
    { text: 'verify a head', ms: timed(() => verifier.verify('head', head, signer.keyId, signature), 100) },
    { text: '10,000 entries: hash the table', ms: timed(() => tableHash(target, table)) },
    { text: '10,000 entries: hash it again, entries known', ms: timed(() => tableHash(target, table, leaves)) },
    { text: '10,000 entries: find the operations from nothing', ms: timed(() => diffTables([], table)) },
    { text: '10,000 entries: apply the operations', ms: timed(() => applyOps([], ops)) },
    {
      text: '10,000 entries: cut into parts',
      ms: timed(() => cut(target, { revision: 1, entries: table }, messageBytesMax, new WeakMap())),
    },
    {
      text: '10,000 entries: a snapshot in parts, from bytes to in force, with the file',
      ms: await inForce(folder, table, signer, verifier),
    },
  ];
  return { entries, rounds, rows };
}

/** The median of some rounds of `count` calls, in ms a call. */
function timed(run, count = 1) {
  const times = [];
  for (let round = -2; round < rounds; round++) {
    const start = performance.now();
    for (let i = 0; i < count; i++) run();
    if (round >= 0) times.push((performance.now() - start) / count);
  }
  return median(times);
}

async function inForce(folder, table, signer, verifier) {
  const times = [];
  for (let round = -2; round < rounds; round++) {
    const durable = openDurable(join(folder, 'hold.json'), 'bench');
    if (!durable.ok) throw new Error(durable.problem.what);
    let nowMs = 1_000;
    const hold = createHold({ target, instance, file: null, kind: 'bench', capabilities, sees: { services: [] }, address: null, onEmpty: 'closed',
      verify: verifier.verify, draw: { hex: (n) => '0'.repeat(2 * n), integer: () => 0 }, wallMs: startMs, monoMs: nowMs }); // prettier-ignore
    const give = async (input) => {
      for (const effect of step(hold, input, nowMs)) {
        if (effect.kind === 'save') {
          const saved = await durable.value.save(effect.file);
          await give({ kind: 'saved', ok: saved.ok });
        } else if (effect.kind === 'apply') await give({ kind: 'applied', rejected: null });
      }
    };
    await give({ kind: 'start' });
    const { payloads, hashes } = cut(target, { revision: 1, entries: table }, messageBytesMax, new WeakMap());
    const list = encode(
      message({
        revision: 1,
        hash: tableHash(target, table),
        nonce: hold.ask.nonce,
        instance,
        entries: [],
        part: 0,
        parts: hashes.length + 1,
        hashes,
      }),
    );
    const wire = [
      { payload: list, key: signer.keyId, signature: signer.sign('snapshot', list) },
      ...payloads.map((payload) => ({ payload, key: '', signature: '' })),
    ];
    const start = performance.now();
    for (const one of wire) await give({ kind: 'message', channel: 'snapshot', ...one });
    const took = performance.now() - start;
    if (!hold.inForce || hold.file.held?.revision !== 1) throw new Error('the table is not in force');
    if (round >= 0) times.push(took);
    nowMs += 1;
    await durable.value.close();
    rmSync(join(folder, 'hold.json'), { force: true });
  }
  return median(times);
}

const message = (more) => ({
  v: 1,
  target,
  at: startMs,
  epoch: startMs,
  issued: startMs,
  grant,
  overrides: [],
  lifted: [],
  keySet: null,
  ...more,
});

function tableOf(count) {
  const all = Array.from({ length: count }, (_, n) => ({
    id: `${(n * 2_654_435_761) % 4_294_967_296}`.padStart(12, '0').split('').map((c) => c.charCodeAt(0).toString(16)).join('').padStart(32, '0').slice(-32),
    stage: 'steer', priority: 100, match: { 'destination.service': [{ in: ['checkout'] }] },
    action: { kind: 'avoid', on: 'instance', value: `c${n}`, ppm: 990_000, floorPpm: 600_000 },
    owner: { rule: 'gray-failure', revision: 1, key: `{"destination.instance":"c${n}"}` }, part: 0, until: null,
  })); // prettier-ignore
  return all.sort((a, b) => (a.id < b.id ? -1 : 1));
}
