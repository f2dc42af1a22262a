import type { KeyState, Verdict } from '../model/rule.ts';
import type { TimelineEvent } from '../../connectors/shop/timeline.ts';
import type { EventView } from '../engine/views.ts';

/** The engine's event as the timeline of one rule reads it; null: it says nothing of that rule. */
export function timelineEvent(event: EventView, rule: string): TimelineEvent | null {
  const { at: atMs, kind, data } = event;
  const entries = Number((data['entries'] as Readonly<Record<string, number>> | undefined)?.[rule] ?? 0);
  if (kind === 'change') {
    if (event.rule !== rule) return null;
    return {
      kind,
      atMs,
      key: event.key ?? '',
      from: data['from'] as KeyState,
      to: data['to'] as KeyState,
      verdict: data['verdict'] as Verdict,
    };
  }
  if (kind === 'refused') return event.rule === rule ? { kind, atMs, key: event.key ?? '', why: String(data['why']) } : null;
  if (kind === 'decided') return entries > 0 ? { kind, atMs } : null;
  if (kind !== 'published' && kind !== 'accepted' && kind !== 'observed') return null;
  return { kind, atMs, target: event.target ?? '', revision: Number(data['revision']), entries };
}

/** "+  812.4 ms  decided     the rule fires". */
export const stageLine = (afterMs: number, stage: string, what: string): string =>
  `  ${`+${afterMs.toFixed(1)}`.padStart(9)} ms  ${stage.padEnd(10)} ${what}`;
