import type { LeadEffect, LeadInput, Lead } from '../../src/core/publish/types.ts';
import type { Lease, LeaseEffect, LeaseInput } from '../../src/core/publish/leasetypes.ts';
import type { Table } from '../../src/model/table.ts';
import { fakeSign, fakeVerify } from '../protocol/fixtures.ts';
import type { Setting, Wire } from './nodes.ts';
import { must } from './oracle.ts';
import { driftMax } from './rivals.ts';
import type { Umpire } from './rivals.ts';

const keyId = '0123456789abcdef';
const secret = 'the engine';
const verify = fakeVerify(keyId, secret);
/** How long an answer of the record is waited for. */
const answerMsMax = 2_000;

/** An engine among several, through all its lives: the lease, the lead, and between them what src/engine does. */
export function createRival(
  { code, world, random, record, faults }: Setting,
  options: {
    readonly id: string;
    readonly umpire: Umpire;
    readonly send: (message: Wire) => void;
    /** The record answers nobody. */
    readonly isDown: () => boolean;
    readonly restored: () => boolean;
    readonly accepted: () => boolean;
    readonly desired: () => ReadonlyMap<string, Table>;
  },
) {
  const { id, umpire } = options;
  const drift = 1 + (random.next() * 2 - 1) * driftMax;
  let lead: Lead | null = null;
  let lease: Lease | null = null;
  let life = 0;
  let bootMs = 0;
  let numbers = 0;
  let stopped = false;
  let isBehind = false;
  /** What came while the process was stopped. */
  let waiting: (() => void)[] = [];
  /** Epochs in which something was left open: a commit without answer, a connection that broke. */
  const doubtful = new Set<number>();

  const mono = (): number => (world.now() - bootMs) * drift + 1_000;
  const name = (): string => `${id}/${life}`;
  const inTime = (run: () => void): void => void (stopped ? waiting.push(run) : run());
  const later = (ms: number, run: () => void): void => {
    const mine = life;
    world.after(ms, () => {
      if (mine === life) inTime(() => mine === life && run());
    });
  };
  /** Asks the record: the question may be lost, and so may the answer. `null`: no answer. */
  const ask = <T>(run: () => T, then: (answer: { readonly value: T } | { readonly failed: 'down' | 'unknown' }) => void): void => {
    const fault = faults.on && random.chance(faults.commit) ? random.pick(['question', 'answer', 'slow'] as const) : null;
    const askMs = fault === 'slow' ? random.next() * 1_500 : 0.5 + random.next() * 8;
    const mine = life;
    let done = false;
    const answer = (what: Parameters<typeof then>[0]): void => {
      if (done) return;
      done = true;
      then(what);
    };
    let reached = false;
    // The record does what it was asked, whatever becomes of who asked.
    world.after(askMs, () => {
      if (fault === 'question' || options.isDown()) return;
      reached = true;
      const value = run();
      if (fault !== 'answer' && mine === life) later(0.5 + random.next() * 8, () => answer({ value }));
    });
    later(fault === 'question' && random.chance(0.5) ? 50 : answerMsMax, () => answer({ failed: reached ? 'unknown' : 'down' }));
  };

  const give = (input: LeadInput): void => {
    if (lead === null) return;
    for (const effect of code.leadStep(lead, input, { monoMs: mono(), wallMs: world.now() })) onLead(effect);
  };
  const giveLease = (input: LeaseInput): void => {
    if (lease === null) return;
    for (const effect of code.leaseStep(lease, input, mono())) onLease(effect);
  };
  const leads = (): boolean => lease !== null && lease.role === 'leader' && mono() < lease.untilMs;

  const onLease = (effect: LeaseEffect): void => {
    switch (effect.kind) {
      case 'look':
        return ask(record.leader, (a) => giveLease({ kind: 'row', row: 'value' in a ? a.value : null }));
      case 'beat':
        return beat(effect.epoch);
      case 'take':
        return take(effect);
      case 'lead':
        return load(effect.epoch);
      case 'extend':
        return give({ kind: 'leased', untilMs: effect.untilMs });
      case 'step-down':
        isBehind = false;
        return give({ kind: 'stepped-down' });
    }
  };
  const beat = (epoch: number): void => {
    const askedMs = world.now();
    const by = name();
    ask(
      () => {
        const outcome = record.beat({ holder: id, epoch });
        if (outcome === 'held') umpire.renewed(by, askedMs);
        return outcome;
      },
      (a) => giveLease({ kind: 'beaten', outcome: 'value' in a ? a.value : 'down' }),
    );
  };
  const take = ({ over, floor, adopts }: Extract<LeaseEffect, { kind: 'take' }>): void => {
    must(!adopts || options.accepted(), `${id} accepts a restored history, and nobody has asked for it`);
    const askedMs = world.now();
    const by = name();
    ask(
      () => {
        const { holder } = record.leader();
        const taken = record.take({ holder: id, over, floor, adopts, nowMs: Math.floor(world.now()) });
        if ('epoch' in taken) {
          umpire.taken(by, holder);
          umpire.renewed(by, askedMs);
        }
        return taken;
      },
      (a) => {
        if (!('value' in a)) return giveLease({ kind: 'untaken', why: a.failed });
        giveLease('epoch' in a.value ? { kind: 'taken', epoch: a.value.epoch } : { kind: 'refused', row: a.value.refused });
      },
    );
  };
  const load = (epoch: number): void => {
    const read = () => ({ targets: record.targets(), table: record.table(), unsent: [...record.unsent()], adopted: record.adopted() });
    ask(read, (a) => {
      if (!('value' in a)) return later(250, () => giveLease({ kind: 'doubt', floor: 0, adopts: false }));
      if (lease === null || !leads() || lease.epoch !== epoch) return;
      give({ kind: 'leased', untilMs: lease.untilMs });
      give({ kind: 'loaded', ...a.value, epoch });
      if (lead?.behind.size === 0) isBehind = false;
      want(options.desired());
    });
  };

  const onLead = (effect: LeadEffect): void => {
    switch (effect.kind) {
      case 'send': {
        const message = JSON.parse(Buffer.from(effect.payload).toString('utf8'));
        if (effect.channel === 'diff') {
          must(
            record.ever(effect.target, message.revision, message.hash) !== undefined,
            `${message.revision} is sent, and was never committed`,
          );
        } else if (message.epoch !== undefined) umpire.sent(name(), message.epoch);
        return options.send({ ...effect, key: effect.keyId });
      }
      case 'commit':
        return commit(effect);
      case 'reload':
        doubtful.add(lead?.epoch ?? 0);
        return giveLease({ kind: 'doubt', floor: 0, adopts: false });
      case 'enrol':
        return ask(
          () => record.enrol(effect.target),
          (a) => give({ kind: 'enrolled', target: effect.target, row: 'value' in a ? a.value : null }),
        );
      case 'lookup': {
        const { target, revision } = effect;
        return ask(
          () => record.hashOf(target, revision),
          (a) => ('value' in a ? give({ kind: 'history', target, revision, hash: a.value }) : undefined),
        );
      }
      case 'mark':
        return ask(
          () => record.mark(effect.outbox),
          () => undefined,
        );
      case 'behind':
        must(options.restored(), `${effect.target} is said to be ahead of a record that lost nothing`);
        isBehind = true;
        return;
      case 'adopted':
        return must(options.accepted(), `${effect.target} is adopted, and nobody has asked for it`);
      default:
        return;
    }
  };
  const commit = ({ rows, epoch }: Extract<LeadEffect, { kind: 'commit' }>): void => {
    must(!isBehind || options.accepted(), 'a commit by an engine that knows it is behind');
    must(!doubtful.has(epoch), `${id} commits in epoch ${epoch}, in which something is in doubt`);
    ask(
      () => (record.commit(epoch, rows) === 'committed' ? record.outboxOf(rows) : null),
      (a) => {
        if (lead === null || epoch !== lead.epoch) return;
        if (!('value' in a)) return give({ kind: 'failed', why: a.failed });
        give(a.value === null ? { kind: 'failed', why: 'stale' } : { kind: 'committed', outbox: a.value });
      },
    );
  };
  const want = (tables: ReadonlyMap<string, Table>): void => {
    if (lead?.leads === true && lead.ready) give({ kind: 'wanted', number: ++numbers, tables });
  };
  const tick = (): void => {
    later(100, () => {
      giveLease({ kind: 'tick' });
      give({ kind: 'tick' });
      tick();
    });
  };

  return {
    id,
    start: (): void => {
      life += 1;
      bootMs = world.now() - random.next() * 500;
      numbers = 0;
      isBehind = false;
      waiting = [];
      lead = code.createLead({ keyId, sign: fakeSign(secret), verify });
      lease = code.createLease(id);
      giveLease({ kind: 'tick' });
      tick();
    },
    crash: (): void => {
      life += 1;
      lead = null;
      lease = null;
      stopped = false;
      waiting = [];
    },
    alive: (): boolean => lead !== null,
    /** SIGSTOP and SIGCONT: its clock goes on; what came meanwhile is taken afterwards, timers first or last. */
    stop: (): void => void (stopped = true),
    go: (): void => {
      if (!stopped) return;
      stopped = false;
      const came = waiting;
      waiting = [];
      for (const run of random.chance(0.5) ? came : came.toReversed()) run();
    },
    want: (tables: ReadonlyMap<string, Table>): void => inTime(() => want(tables)),
    deliver: ({ channel, target, payload }: Wire): void => {
      if (lead !== null && (channel === 'announce' || channel === 'ack')) inTime(() => give({ kind: channel, target, payload }));
    },
    connected: (): void => inTime(() => give({ kind: 'connected' })),
    broken: (): void =>
      inTime(() => {
        if (lead?.leads === true) doubtful.add(lead.epoch);
        give({ kind: 'broken' });
      }),
    /** `flyball resume --restored`, at this engine. */
    accept: (): void => {
      const floor = Math.max(0, ...[...(lead?.behind.values() ?? [])].map(({ epoch }) => epoch));
      if (leads() && !stopped) giveLease({ kind: 'doubt', floor, adopts: true });
    },
    lead: (): Lead | null => lead,
    lease: (): Lease | null => lease,
    leads: (): boolean => leads() && lead?.leads === true,
  };
}
export type Rival = ReturnType<typeof createRival>;
