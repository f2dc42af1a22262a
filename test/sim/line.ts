import { createLead, step } from '../../src/core/publish/lead.ts';
import type { LeadEffect, LeadInput, LeadOptions } from '../../src/core/publish/types.ts';
import type { Trust } from '../../src/core/publish/keyset.ts';
import type { HoldOptions } from '../../src/core/hold/types.ts';
import type { Table } from '../../src/model/table.ts';
import { bench, epoch, key, startMs, target } from '../protocol/bench.ts';
import { createRecord } from './record.ts';
import { seeded } from '../protocol/random.ts';

export type Sent = Extract<LeadEffect, { readonly kind: 'send' }>;

/** A real lead and a real hold with a line between them that a test may cut, turn round or listen to. Starts with both at time 0. */
export function line(options: {
  readonly lead?: Partial<LeadOptions> & { readonly trust?: Trust | null };
  readonly hold?: Partial<HoldOptions>;
  /** Before the engine has loaded. */
  readonly first?: readonly LeadInput[];
  /** What reaches the adapter, in order. */
  readonly carry?: (sent: readonly Sent[]) => readonly Sent[];
}) {
  const record = createRecord(seeded(1));
  record.enrol(target);
  const lead = createLead({ ...key, ...options.lead });
  const b = bench(options.hold ?? {});
  const reports: string[] = [];
  const sent: Sent[] = [];
  let heard = 0;
  let number = 0;
  const carry = { by: options.carry ?? ((some: readonly Sent[]) => some) };

  const give = (input: LeadInput): void => {
    const now = { monoMs: b.now(), wallMs: startMs + b.now() - 1_000 };
    const out: Sent[] = [];
    for (const effect of step(lead, input, now)) {
      if (effect.kind === 'send') out.push(effect);
      else if (effect.kind === 'report') reports.push(effect.reason);
      else if (effect.kind === 'enrol') give({ kind: 'enrolled', target: effect.target, row: record.enrol(effect.target) });
      else if (effect.kind === 'commit') {
        const stands = record.commit(effect.epoch, effect.rows) === 'committed';
        give(stands ? { kind: 'committed', outbox: record.outboxOf(effect.rows) } : { kind: 'failed', why: 'stale' });
      }
    }
    sent.push(...out);
    for (const one of carry.by(out)) {
      b.give({ kind: 'message', channel: one.channel, payload: one.payload, key: one.keyId, signature: one.signature });
    }
  };
  /** What the adapter has said since. */
  const answer = (): void => {
    for (; heard < b.done.length; heard++) {
      const effect = b.done[heard];
      if (effect?.kind === 'send') give({ kind: effect.channel, target, payload: effect.payload });
    }
  };
  for (const input of options.first ?? []) give(input);
  const taken = record.takeEpoch(epoch);
  give({ kind: 'loaded', epoch: taken, targets: record.targets(), table: 0, unsent: [] });
  return {
    b,
    lead,
    record,
    reports,
    sent,
    carry,
    give,
    start: (): void => {
      b.give({ kind: 'start' });
      answer();
    },
    want: (table: Table): void => {
      give({ kind: 'wanted', number: ++number, tables: new Map([[target, table]]) });
      answer();
    },
    wait: (ms: number): void => {
      for (const end = b.now() + ms; b.now() < end;) {
        b.wait(50);
        answer();
        if (b.now() % 100 === 0) give({ kind: 'tick' });
        answer();
      }
    },
    /** Counted by the adapter. */
    refused: (): Readonly<Record<string, number>> => Object.fromEntries(b.hold.counts),
  };
}
export type Line = ReturnType<typeof line>;
