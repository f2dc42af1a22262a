import { entry } from '../audit/entries.ts';
import type { News, Told } from '../decide/types.ts';
import { resume, waitingKeys } from '../decide/judge.ts';
import { tell } from './tell.ts';
import type { Input, Turn } from './types.ts';

const ms = (ns: bigint): number => Number(ns / 1_000_000n);

/** What rules had to tell besides changes of state. */
export function onTold(turn: Turn, { timeNs, rule, revision, news }: Told): void {
  const { loop } = turn;
  const { key } = news;
  const at = ms(timeNs);
  switch (news.kind) {
    case 'asks':
      loop.dirty = true;
      return;
    case 'expected': {
      const { outcome } = news;
      if (outcome === 'reverted') loop.ends.set(`${rule}\n${key}`, inWords.reverted);
      turn.audit.push(entry({ at: turn.wallMs, kind: 'effect', rule, revision, key, body: { expected: outcome } }));
      return tell(turn, 'expected', {
        at,
        rule,
        revision,
        key,
        text: `${rule}@${revision} ${key}: ${inWords[outcome]}`,
        data: { outcome },
      });
    }
    case 'notify':
      return notify(turn, { rule, revision, news, at });
  }
}

const inWords = {
  met: 'what was expected has come',
  kept: 'what was expected has not come; it stays in force, as the rule says',
  reverted: 'what was expected has not come; it is withdrawn until `flyball resume`',
} as const;

type Notified = {
  readonly rule: string;
  readonly revision: number;
  readonly news: Extract<News, { readonly kind: 'notify' }>;
  readonly at: number;
};

/** A rule in shadow tells no one but the timeline. */
function notify(turn: Turn, { rule, revision, news, at }: Notified): void {
  const compiled = turn.loop.rules.get(rule)?.rule;
  if (compiled === undefined || compiled.notify === null) return;
  const { key, state, summary, sinceNs } = news;
  const { severity, runbook } = compiled.notify;
  const { owner, why, mode } = compiled;
  const data = { severity, summary, state, sent: mode === 'enforce' };
  const verb = state === 'resolved' ? 'is over' : severity === 'page' ? 'pages' : 'tells';
  tell(turn, 'notify', { at, rule, revision, key, text: `${mode === 'enforce' ? '' : 'would tell: '}${rule}@${revision} ${verb} ${owner}: ${summary}`, data }); // prettier-ignore
  if (mode !== 'enforce') return;
  const alert = {
    rule,
    revision,
    owner,
    severity,
    key,
    summary,
    why,
    runbook,
    startedAt: ms(sinceNs),
    endedAt: state === 'firing' ? null : at,
  };
  turn.out.push({ kind: 'notify', alert });
}

/** A person's `flyball resume`. */
export function onResume(turn: Turn, { rule, key, author, reason }: Extract<Input, { readonly kind: 'resume' }>): void {
  const { loop } = turn;
  const revision = loop.rules.get(rule)?.revision ?? null;
  const keys = waitingKeys(loop.judge, rule, key);
  resume(loop.judge, rule, keys);
  for (const one of keys) {
    loop.dirty = true;
    turn.audit.push(entry({ at: turn.wallMs, kind: 'operator', rule, revision, key: one, body: { what: 'resume', author, reason } }));
    tell(turn, 'resumed', { rule, revision, key: one, text: `${rule} ${one} is resumed by ${author}` });
  }
}
