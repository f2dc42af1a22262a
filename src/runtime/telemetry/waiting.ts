/** Revisions of one target that are remembered with their instant. */
const revisionsMax = 256;

type Sent = { readonly revision: number; readonly atMs: number };

export type Waiting = {
  readonly sent: (target: string, revision: number, atMs: number) => void;
  /** How long the oldest revision after `acked` has waited; 0: none does. */
  readonly ageMs: (of: { readonly name: string; readonly revision: number; readonly acked: number }, nowMs: number) => number;
};

/** How long targets have owed an acknowledgement; a revision of an earlier engine counts from when this one began to look. */
export function createWaiting(startedMs: number): Waiting {
  const sent = new Map<string, Sent[]>();
  return {
    sent: (target, revision, atMs) => {
      const all = sent.get(target) ?? [];
      // The oldest is what counts: the newest are not kept when there is no room.
      if (all.length < revisionsMax) all.push({ revision, atMs });
      sent.set(target, all);
    },
    ageMs: ({ name, revision, acked }, nowMs) => {
      const left = (sent.get(name) ?? []).filter((one) => one.revision > acked);
      sent.set(name, left);
      if (revision <= acked) return 0;
      return Math.max(0, nowMs - (left[0]?.atMs ?? startedMs));
    },
  };
}
