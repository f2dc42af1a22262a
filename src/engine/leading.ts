import { epochDraw, leadTickMs, skewMaxMs } from '../core/limits.ts';
import { createLease, step } from '../core/publish/lease.ts';
import { isFree } from '../core/publish/rival.ts';
import type { LeaseEffect, LeaseInput, Since } from '../core/publish/leasetypes.ts';
import type { LeaderRow } from '../model/leader.ts';
import { fail, ok, type Problem, type Result } from '../model/problem.ts';
import type { Clock } from '../ports/clock.ts';
import type { Random } from '../ports/random.ts';
import type { Store } from '../ports/store.ts';

export type Term = { readonly epoch: number; readonly untilMs: number; readonly since: Since };

/** Who leads, as status shows it. */
export type LeadView = {
  readonly id: string;
  readonly role: 'leader' | 'standby';
  /** Of the engine that leads; null: not known. */
  readonly leader: { readonly id: string; readonly address: string; readonly epoch: number } | null;
  /** Since its last sign of life was seen; null: none was. */
  readonly beatAgeMs: number | null;
};

export type Leading = {
  /** The first look: resolves when this engine leads, or somebody else does. Problems: of the record, or of our clock. */
  readonly start: () => Promise<Result<'leader' | 'standby'>>;
  readonly leads: () => boolean;
  readonly term: () => { readonly epoch: number; readonly untilMs: number };
  readonly view: () => LeadView;
  /** A new epoch is needed, above `floor`; `adopts`: a person accepts the history that the record has. */
  readonly doubt: (of?: { readonly floor: number; readonly adopts: boolean }) => void;
  /** Gives the lease back. */
  readonly stop: () => Promise<void>;
};

/** Wires the lease to the record and the clock; decides nothing. */
export function createLeading(of: {
  readonly holder: string;
  readonly address: () => string;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly say: (line: string) => void;
  readonly problems: Map<string, Problem>;
  /** A term begins: load, then lead. Answers whether it could be loaded. */
  readonly onLead: (term: Term) => Promise<boolean>;
  readonly onExtend: (untilMs: number) => void;
  readonly onStepDown: (why: string) => void;
}): Leading {
  const { holder, store, clock, random, say, problems } = of;
  const lease = createLease(holder);
  let stopped = false;
  let heldMs: number | null = null;
  let settle: (first: Result<'leader' | 'standby'>) => void = () => undefined;
  let cancel = (): void => undefined;

  const give = (input: LeaseInput): void => {
    if (stopped) return;
    for (const effect of step(lease, input, clock.monotonic())) carryOut(effect);
  };
  const carryOut = (effect: LeaseEffect): void => {
    switch (effect.kind) {
      case 'look':
        return void look();
      case 'beat':
        return void beat(effect.epoch);
      case 'take':
        return void take(effect);
      case 'lead':
        heldMs = clock.monotonic();
        say(`leads in epoch ${effect.epoch}`);
        return void begin(effect);
      case 'extend':
        heldMs = clock.monotonic();
        return of.onExtend(effect.untilMs);
      case 'step-down':
        say(`leads no more: ${inWords[effect.why]}`);
        return of.onStepDown(effect.why);
    }
  };
  const look = async (): Promise<void> => {
    const row = await answered('look', () => store.leader());
    give({ kind: 'row', row });
    if (row === null) return settle(fail(problems.get('leader') ?? silent(store.about.address)));
    problems.delete('leader');
    if (lease.seen !== null && !isFree(lease)) settle(ok('standby'));
  };
  const beat = async (epoch: number): Promise<void> => {
    const outcome = await answered('beat', () => store.beat({ holder, epoch, address: of.address() }));
    give({ kind: 'beaten', outcome: outcome ?? 'down' });
  };
  const take = async ({ over, floor, adopts }: Extract<LeaseEffect, { kind: 'take' }>): Promise<void> => {
    const ask = { holder, address: of.address(), over, floor, adopts, nowMs: clock.now(), draw: random.integer(epochDraw), skewMaxMs };
    const taken = await store.takeEpoch(ask);
    if ('epoch' in taken) {
      problems.delete('leader');
      return give({ kind: 'taken', epoch: taken.epoch });
    }
    if ('refused' in taken) return give({ kind: 'refused', row: taken.refused });
    problems.set('leader', taken.problem);
    say(`no epoch: ${taken.problem.what}`);
    give({ kind: 'untaken', why: taken.failed });
    settle(fail(taken.problem));
  };
  const begin = async (term: Term): Promise<void> => {
    const loaded = await of.onLead(term);
    if (loaded) return settle(ok('leader'));
    settle(fail(problems.get('reload') ?? silent(store.about.address)));
    // Not at once: the record does not answer.
    clock.after(retryMs, () => give({ kind: 'doubt', floor: 0, adopts: false }));
  };
  /** null: no answer, whatever the reason; which is shown. */
  const answered = async <T>(what: string, ask: () => Promise<T>): Promise<T | null> => {
    try {
      return await ask();
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      problems.set('leader', { code: 'E-DB-DOWN', what: `${what}: ${text}`, at: store.about.address, todo: 'see that the database runs' });
      return null;
    }
  };

  return {
    start: () => {
      const first = new Promise<Result<'leader' | 'standby'>>((resolve) => (settle = resolve));
      cancel = clock.each(leadTickMs, () => give({ kind: 'tick' }));
      give({ kind: 'tick' });
      return first;
    },
    leads: () => lease.role === 'leader' && clock.monotonic() < lease.untilMs,
    term: () => ({ epoch: lease.epoch, untilMs: lease.untilMs }),
    view: () => viewOf(),
    doubt: (asked = { floor: 0, adopts: false }) => give({ kind: 'doubt', ...asked }),
    stop: async () => {
      stopped = true;
      cancel();
      if (lease.role === 'leader') await answered('release', () => store.release({ holder, epoch: lease.epoch }));
    },
  };

  function viewOf(): LeadView {
    const now = clock.monotonic();
    if (lease.role === 'leader') {
      const leader = { id: holder, address: of.address(), epoch: lease.epoch };
      return { id: holder, role: 'leader', leader, beatAgeMs: heldMs === null ? null : Math.round(now - heldMs) };
    }
    const row: LeaderRow | null = lease.seen?.row ?? null;
    return {
      id: holder,
      role: 'standby',
      leader: row === null || row.holder === '' ? null : { id: row.holder, address: row.address, epoch: row.epoch },
      beatAgeMs: lease.seen === null ? null : Math.round(now - lease.seen.sinceMs),
    };
  }
}

const retryMs = 250;

const inWords = {
  lapsed: 'the lease could not be renewed in time',
  lost: 'another epoch stands in the record',
  clock: "this machine's clock is wrong",
} as const;

const silent = (at: string): Problem => ({ code: 'E-DB-DOWN', what: 'the database did not answer', at, todo: 'see that it runs' });
