import { beatEveryMs, beatReadEveryMs, clockRetryMs, leaderLeaseMs, leaseMarginMs, leaseRetryMs } from '../limits.ts';
import { isFree, takeWhat } from './rival.ts';
import type { Lease, LeaseEffect, LeaseInput, LeaseTurn, SteppedDown } from './leasetypes.ts';

/** Nobody's yet: the first look at the record says whether somebody leads. */
export const createLease = (holder: string): Lease => ({
  holder,
  role: 'standby',
  epoch: 0,
  untilMs: Number.NEGATIVE_INFINITY,
  claims: true,
  seen: null,
  doubt: null,
  reading: false,
  writing: null,
  taking: null,
  readDueMs: Number.NEGATIVE_INFINITY,
  writeDueMs: Number.NEGATIVE_INFINITY,
  takeDueMs: Number.NEGATIVE_INFINITY,
});

/**
 * Who leads (protocol.md section 4), as one engine sees it: one input at one instant of its own monotonic clock, what is to be done comes
 * back in order. Changes `lease` in place. Deterministic; no wall clock. At most one look, one beat and one take are under way.
 */
export function step(lease: Lease, input: LeaseInput, nowMs: number): readonly LeaseEffect[] {
  const turn: LeaseTurn = { lease, nowMs, out: [] };
  // First of all: what comes in late, after a pause of the whole process say, finds a lease that is over.
  if (lease.role === 'leader' && nowMs >= lease.untilMs) stepDown(turn, 'lapsed');
  take(turn, input);
  ask(turn);
  return turn.out;
}

function take(turn: LeaseTurn, input: LeaseInput): void {
  const { lease, nowMs } = turn;
  switch (input.kind) {
    case 'tick':
      return;
    case 'row':
      lease.reading = false;
      lease.readDueMs = nowMs + beatReadEveryMs;
      return input.row === null ? undefined : see(lease, input.row, nowMs);
    case 'beaten':
      return onBeaten(turn, input.outcome);
    case 'taken':
      return onTaken(turn, input.epoch);
    case 'refused':
      lease.taking = null;
      if (lease.role === 'leader') stepDown(turn, 'lost');
      return see(lease, input.row, nowMs);
    case 'untaken':
      lease.taking = null;
      lease.takeDueMs = nowMs + (input.why === 'clock' ? clockRetryMs : leaseRetryMs);
      // It may have happened: what stands under our name may be ours.
      if (input.why === 'unknown') lease.claims = true;
      if (input.why === 'clock' && lease.role === 'leader') stepDown(turn, 'clock');
      return;
    case 'doubt':
      if (lease.role !== 'leader') return;
      lease.doubt = {
        floor: Math.max(lease.doubt?.floor ?? 0, input.floor),
        adopts: lease.doubt?.adopts === true || input.adopts,
      };
      lease.takeDueMs = nowMs;
      return;
  }
}

/** What is to be asked of the record now. */
function ask({ lease, nowMs, out }: LeaseTurn): void {
  if (lease.taking !== null) return;
  const over = takeWhat(lease, nowMs);
  if (over !== null && nowMs >= lease.takeDueMs) {
    const since = lease.epoch > 0 && over.epoch === lease.epoch ? 'ours' : { stillMs: lease.seen?.sinceMs ?? nowMs };
    lease.taking = { sentMs: nowMs, since };
    const { floor, adopts } = lease.doubt ?? { floor: lease.epoch, adopts: false };
    return void out.push({ kind: 'take', over, floor: Math.max(floor, lease.epoch), adopts });
  }
  if (lease.role === 'leader' && lease.writing === null && nowMs >= lease.writeDueMs) {
    lease.writing = { epoch: lease.epoch, sentMs: nowMs };
    lease.writeDueMs = nowMs + beatEveryMs;
    out.push({ kind: 'beat', epoch: lease.epoch });
  }
  if (lease.role === 'standby' && !lease.reading && nowMs >= lease.readDueMs) {
    lease.reading = true;
    out.push({ kind: 'look' });
  }
}

/** Stillness is counted from when the answer came: the beat was written before. */
function see(lease: Lease, row: NonNullable<Lease['seen']>['row'], nowMs: number): void {
  const before = lease.seen?.row;
  if (row.holder !== lease.holder) lease.claims = false;
  const isSame = before?.holder === row.holder && before.epoch === row.epoch && before.beat === row.beat;
  lease.seen = { row, sinceMs: isSame ? (lease.seen?.sinceMs ?? nowMs) : nowMs };
  if (!isFree(lease)) lease.claims = false;
}

function onTaken(turn: LeaseTurn, epoch: number): void {
  const { lease, nowMs, out } = turn;
  const { taking } = lease;
  lease.taking = null;
  lease.epoch = Math.max(lease.epoch, epoch);
  lease.claims = false;
  lease.doubt = null;
  lease.seen = null;
  if (taking === null) return;
  const untilMs = taking.sentMs + leaderLeaseMs - leaseMarginMs;
  // It took so long that it is over: the next look finds it under our name.
  if (nowMs >= untilMs) return lease.role === 'leader' ? stepDown(turn, 'lapsed') : undefined;
  lease.role = 'leader';
  lease.untilMs = untilMs;
  lease.writeDueMs = taking.sentMs + beatEveryMs;
  out.push({ kind: 'lead', epoch, untilMs, since: taking.since });
}

function onBeaten(turn: LeaseTurn, outcome: 'held' | 'lost' | 'down'): void {
  const { lease, nowMs, out } = turn;
  const { writing } = lease;
  lease.writing = null;
  // Of a term that is over, or of one that a take under way is about to end.
  if (writing === null || lease.role !== 'leader' || writing.epoch !== lease.epoch) return;
  if (outcome === 'down') lease.writeDueMs = nowMs + leaseRetryMs;
  if (outcome === 'lost' && lease.taking === null) stepDown(turn, 'lost');
  if (outcome !== 'held') return;
  lease.untilMs = Math.max(lease.untilMs, writing.sentMs + leaderLeaseMs - leaseMarginMs);
  out.push({ kind: 'extend', untilMs: lease.untilMs });
}

/** Nothing more is sent in this term; whoever leads next is looked for anew. */
function stepDown({ lease, nowMs, out }: LeaseTurn, why: SteppedDown): void {
  lease.role = 'standby';
  lease.untilMs = Number.NEGATIVE_INFINITY;
  lease.seen = null;
  lease.doubt = null;
  lease.readDueMs = nowMs;
  out.push({ kind: 'step-down', why });
}
