import { coversTarget, strictest } from '../../model/override.ts';
import type { Override, OverrideMode } from '../../model/override.ts';
import { liftedKeepMs, liftedMax, overrideMsMax, overridesMax, resumeGraceMs, skewMaxMs } from '../limits.ts';
import { engineTime } from './clock.ts';
import { refuse } from './tell.ts';
import type { HoldFile, Turn } from './types.ts';

/** Those that count at this engine time. */
export const active = ({ overrides }: HoldFile, timeMs: number): readonly Override[] => overrides.filter(({ until }) => until > timeMs);

/** Whether a held table stays as it is, whatever the engine says. */
export const isOverridden = (file: HoldFile, timeMs: number): boolean => file.mode !== null || active(file, timeMs).length > 0;

/** The strictest of those that were active since there was none: it stays until the last is gone (protocol.md section 6). */
export const modeAt = (file: HoldFile, timeMs: number): OverrideMode | null => {
  const modes = active(file, timeMs).map(({ mode }) => mode);
  return modes.length === 0 ? null : strictest(file.mode === null ? modes : [file.mode, ...modes]);
};

/** Adds what is new, and takes away what is lifted; lists add, they never remove. In force, and on disk, with the next job. */
export function mergeOverrides(turn: Turn, overrides: readonly Override[], liftedIds: readonly string[]): void {
  const { hold, nowMs } = turn;
  const time = engineTime(hold.clock, nowMs);
  const { file } = hold;
  const gone = new Set(file.lifted.map(({ id }) => id));
  const newlyLifted = [...new Set(liftedIds)].filter((id) => !gone.has(id));
  for (const id of newlyLifted) gone.add(id);
  const known = new Set(file.overrides.map(({ id }) => id));
  const added = overrides.filter((one) => {
    if (known.has(one.id) || gone.has(one.id) || one.until <= time || !coversTarget(one, hold.options.target)) return false;
    known.add(one.id);
    if (one.until <= time + overrideMsMax + skewMaxMs) return true;
    refuse(turn, 'override-until', `an override that ends ${one.until - time} ms from now`);
    return false;
  });
  if (added.length === 0 && newlyLifted.length === 0) return;
  const kept = [...file.overrides, ...added].filter(({ id }) => !gone.has(id));
  const lifted = [...file.lifted.filter(({ at }) => at + liftedKeepMs > time), ...newlyLifted.map((id) => ({ id, at: Math.max(0, time) }))];
  hold.file = {
    ...file,
    overrides: kept.toSorted((a, b) => b.until - a.until || (a.id < b.id ? -1 : 1)).slice(0, overridesMax),
    lifted: lifted.slice(-liftedMax),
  };
  if (added.length > 0 || kept.length < file.overrides.length) hold.overridden = true;
  hold.dirty = true;
  hold.dirtyDueMs = nowMs;
}

/** The file under the mode that counts now. Who leaves a freeze waits for a fresh snapshot before leases end; what no freeze kept alive is over at once. */
export function ruled(file: HoldFile, timeMs: number): HoldFile {
  const mode = modeAt(file, timeMs);
  const thaws = mode === null && file.mode === 'freeze';
  return {
    ...file,
    overrides: active(file, timeMs),
    mode,
    graceUntil: thaws ? timeMs + resumeGraceMs : mode === null ? file.graceUntil : null,
  };
}
