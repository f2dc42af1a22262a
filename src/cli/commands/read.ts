import type { StatusView, TableView, TargetView, WhyView } from '../../engine/views.ts';
import { ask } from '../client.ts';
import { outputOption, text, UsageError, type Command } from '../command.ts';
import { scopeText } from '../../model/override.ts';
import { actionText, matchText } from '../../model/text.ts';
import { formatOf, print, problemText, type Row } from '../print.ts';
import { whyText } from '../whytext.ts';

/** The commands that only look. */
export const status: Command = {
  name: 'status',
  args: '',
  about: 'what runs, what is in force, and everything that is not as it should be',
  options: { output: outputOption },
  more: '  Exit code 1 when something is not as it should be.',
  run: async (_positionals, values) => {
    const view = await ask<StatusView>('GET', '/v1/status');
    if (view === null) return 2;
    const format = formatOf(values);
    print(format, { value: view, rows: statusRows(view), names: view.problems.map((p) => p.code) });
    return view.problems.length > 0 ? 1 : 0;
  },
};

export const target: Command = {
  name: 'target',
  args: '[NAME]',
  about: 'the enforcement points: kind, table revision, what they acknowledged',
  options: { output: outputOption },
  run: async ([name], values) => {
    const view = await ask<StatusView>('GET', '/v1/status');
    if (view === null) return 2;
    const targets = view.targets.filter((t) => name === undefined || t.name === name);
    print(formatOf(values), { value: targets, rows: targets.map(targetRow), names: targets.map((t) => t.name) });
    return targets.length === 0 ? 1 : 0;
  },
};

export const table: Command = {
  name: 'table',
  args: '',
  about: 'the match-action entries in force, by target',
  options: { output: outputOption, target: { type: 'string', value: 'NAME', about: 'only this target' } },
  run: async (positionals, values) => {
    if (positionals.length > 0) throw new UsageError(`table takes no ${positionals[0] ?? ''}: this version shows the present only`);
    const only = text(values, 'target');
    const all = await ask<readonly TableView[]>('GET', '/v1/tables');
    if (all === null) return 2;
    const tables = all.filter((t) => only === undefined || t.target === only);
    if (only !== undefined && tables.length === 0) throw new UsageError(`no target ${JSON.stringify(only)}`);
    print(formatOf(values), { value: tables, rows: tables.flatMap(entryRows), names: tables.flatMap((t) => t.entries.map((e) => e.id)) });
    return 0;
  },
};

export const why: Command = {
  name: 'why',
  args: 'ENTRY|RULE|TARGET',
  about: 'the chain behind an entry: window values, rule line, diff, acknowledgement, the request that showed the effect',
  options: { output: outputOption },
  more: '  ENTRY is an entry id of `flyball table` or its first digits; RULE and TARGET show their newest entries.\n  Exit code 1 when nothing is known of it.',
  run: async (positionals, values) => {
    const [subject] = positionals;
    if (subject === undefined || positionals.length > 1) throw new UsageError('why takes one entry, rule or target');
    const chains = await ask<readonly WhyView[]>('GET', `/v1/why/${encodeURIComponent(subject)}`);
    if (chains === null) return 2;
    const format = formatOf(values);
    if (format === 'table') process.stdout.write(chains.map(whyText).join('\n'));
    else print(format, { value: chains, rows: [], names: chains.map((c) => c.entry) });
    return chains.length === 0 ? 1 : 0;
  },
};

const targetRow = (t: TargetView): Row => ({
  target: t.name,
  kind: t.kind,
  revision: t.revision,
  acked: t.acked,
  state: t.state,
  entries: t.entries,
  sees: t.sees.join(','),
});

const entryRows = (t: TableView): readonly Row[] =>
  t.entries.map((e) => ({
    target: t.target,
    entry: e.id.slice(0, 12),
    stage: e.stage,
    priority: e.priority,
    match: matchText(e.match),
    action: actionText(e.action),
    owner: `${e.owner.rule}@${e.owner.revision}`,
    key: e.owner.key,
    until: e.until === null ? 'standing' : new Date(e.until).toISOString(),
  }));

function statusRows(view: StatusView): readonly Row[] {
  const row = (part: string, name: string, state: string, detail: string): Row => ({ part, name, state, detail });
  return [
    row('engine', `pid ${view.pid}`, 'running', `version ${view.version}, epoch ${view.epoch}`),
    row('bus', view.bus.kind, view.bus.connected ? 'connected' : 'AWAY', `${view.bus.address}, ${view.bus.dropped} dropped`),
    row('database', view.database.kind, view.database.up ? 'up' : 'DOWN', `${view.database.address}, PostgreSQL ${view.database.version}`),
    ...view.sources.map((s) => row('source', s.name, s.state, `${s.records} records, ${s.dropped} dropped`)),
    ...view.targets.map((t) => row('target', t.name, t.state, `revision ${t.revision}, acked ${t.acked}, ${t.entries} entries`)),
    ...view.rules.map((r) => row('rule', `${r.name}@${r.revision}`, r.mode, keysText(r.keys.map((k) => `${k.key} ${k.state}`)))),
    ...view.overrides.map((o) => row('override', o.id.slice(0, 12), o.mode, `${scopeText(o.scope)} by ${o.by}, ${o.confirmed.length} confirmed, ${o.unconfirmed.length} not`)), // prettier-ignore
    ...view.problems.map((p) => row('problem', p.code, p.at, problemText(p))),
  ];
}

const keysText = (keys: readonly string[]): string => (keys.length === 0 ? 'all clear' : keys.slice(0, 3).join(', ') + (keys.length > 3 ? `, and ${keys.length - 3} more` : '')); // prettier-ignore
