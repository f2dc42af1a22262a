import { createLoop, step } from '../core/loop.ts';
import type { Effect, Input } from '../core/loop/types.ts';
import { encode } from '../core/publish/bytes.ts';
import type { Announce } from '../core/publish/messages.ts';
import type { LeadOptions } from '../core/publish/types.ts';
import { checkRuleText } from '../core/rule/checktext.ts';
import { assert } from '../model/problem.ts';

/** Code is compiled for speed only after some calls. */
const incidents = 6;
const startMs = Date.UTC(2026, 0, 1);
const instances = ['a', 'b', 'c'];

const text = `rule: rehearsal
why: not a rule of anybody's
owner: flyball
over: rpc
by: [destination.service, destination.instance]
window: 1s
every: 20ms
minimum: {count: 2, until: 1, peers: 1}
when: p90(response.duration) > 2.0 * peers(p90(response.duration)) && ratio(response.failed) < 0.5
then:
  - avoid: {match: 'destination.service == key.destination.service', instance: key.destination.instance, percent: 90}
mode: enforce
`;

/**
 * Plays a small incident several times in a loop of its own, whose effects go nowhere: an incident is rare, and the first plan of a fresh
 * process took 10 to 50 ms, later ones 2 to 3. Returns how many commits were planned, which is one for each incident.
 */
export function rehearse(options: LeadOptions): number {
  const { compiled } = checkRuleText(text, 'rehearsal', 1);
  assert(compiled !== null, 'the rehearsal is a rule');
  let commits = 0;
  for (let i = 0; i < incidents; i++) {
    const loop = createLoop(options);
    let nowMs = startMs;
    const give = (...inputs: readonly Input[]): void => {
      for (const effect of step(loop, inputs, { monoMs: nowMs - startMs, wallMs: nowMs }).effects) {
        if (effect.kind === 'commit') commits++;
        const answer = answerTo(effect);
        if (answer !== null) give(answer);
      }
    };
    give(inventory, { kind: 'rule', compiled, resume: [] }, { kind: 'loaded', epoch: 1, targets: [], table: 0, unsent: [] });
    give({ kind: 'announce', target, payload: encode(announce(nowMs)) });
    for (let n = 0; n < 60 && commits <= i; n++) {
      nowMs += 10;
      give(record(nowMs, instances[n % instances.length] ?? ''));
    }
  }
  return commits;
}

const target = 'rehearsal';

const inventory: Input = {
  kind: 'inventory',
  inventory: {
    instances: instances.map((instance, i) => ({ service: 's', instance, address: '127.0.0.1', port: 1 + i, ready: true })),
  },
};

/** What the outside would answer at once. */
function answerTo(effect: Effect): Input | null {
  if (effect.kind === 'commit') return { kind: 'committed', outbox: [] };
  if (effect.kind !== 'enrol') return null;
  return { kind: 'enrolled', target, row: { name: target, revision: 0, hash: '', epoch: 0, entries: [], enrolled: true } };
}

const announce = (nowMs: number): Announce => ({
  v: 1,
  target,
  at: nowMs,
  instance: { adapter: 'a', boot: 1 },
  held: null,
  overrides: [],
  clock: { time: nowMs, contact: true },
  refused: {},
  nonce: '00'.repeat(16),
  kind: 'builtin',
  capabilities: {
    actions: ['avoid'],
    fields: ['destination.service'],
    tests: ['in'],
    entriesMax: 100,
    atomic: true,
    costNs: 1,
  },
  sees: { services: ['s'] },
  speaks: { min: 1, max: 1 },
  address: null,
  provisional: false,
});

function record(nowMs: number, instance: string): Input {
  const duration = instance === 'a' ? 400_000_000n : 10_000_000n;
  return {
    kind: 'line',
    line: {
      stream: 'rpc',
      time: BigInt(nowMs) * 1_000_000n,
      source: {},
      destination: { service: 's', instance },
      reporter: { side: 'destination', target },
      rpc: { event: 'end' },
      request: { method: 'GET', path: '/' },
      response: { code: 200, duration, failed: false },
      applied: [],
    },
  };
}
