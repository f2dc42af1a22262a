import type { LoopEvent, Turn } from './types.ts';

/** Adds an event; what is not said of it is null. */
export function tell(turn: Turn, kind: LoopEvent['kind'], of: Partial<Omit<LoopEvent, 'kind'>> & { readonly text: string }): void {
  const event: LoopEvent = { at: turn.wallMs, kind, rule: null, revision: null, key: null, target: null, data: {}, ...of };
  turn.out.push({ kind: 'event', event });
}
