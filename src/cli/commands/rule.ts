import type { Saved } from '../../engine/handle.ts';
import type { RuleRevisionView, StatusView } from '../../engine/views.ts';
import { userName } from '../../runtime/home.ts';
import { ask } from '../client.ts';
import { outputOption, text, UsageError, type Command } from '../command.ts';
import { formatOf, print, problemText, say } from '../print.ts';
import { readRuleFile, ruleFilesOf } from '../rulefiles.ts';

/** `flyball rule …`: what an SRE does with rule files. */
export const ruleLint: Command = {
  name: 'rule lint',
  args: 'DIR|FILE…',
  about: 'checks rule files as saving them would, without an engine',
  options: { output: outputOption },
  more: '  Prints every error at once: file:line:column, code, what is wrong, what to do. Exit code 1 when a rule would be refused.',
  run: async (paths, values) => {
    const files = ruleFilesOf(paths.length > 0 ? paths : ['rules']);
    const checked = files.map((file) => ({ file, ...readRuleFile(file).checked }));
    const problems = checked.flatMap((c) => c.problems);
    const format = formatOf(values);
    if (format === 'table') for (const p of problems) process.stdout.write(`${problemText(p)}\n`);
    else print(format, { value: problems, rows: [], names: checked.filter((c) => c.compiled === null).map((c) => c.file) });
    const refused = checked.filter((c) => c.compiled === null).length;
    say(`${files.length} rules checked, ${refused} refused, ${problems.length} problems`);
    return refused > 0 ? 1 : 0;
  },
};

export const ruleApply: Command = {
  name: 'rule apply',
  args: 'DIR|FILE…',
  about: 'saves rules: each changed text is a new revision, in force at once (as its mode says)',
  options: {
    output: outputOption,
    reason: { type: 'string', value: 'TEXT', about: 'why, kept with the revision' },
    author: { type: 'string', value: 'NAME', about: 'who (default: the user)' },
    remove: { type: 'boolean', about: 'the arguments are names of rules to remove' },
  },
  more: '  All files are checked before the first is saved: with one refused nothing is saved, exit code 1.',
  run: async (args, values) => {
    if (args.length === 0) throw new UsageError('rule apply takes files or folders');
    const [author, reason] = [text(values, 'author') ?? userName(), text(values, 'reason') ?? ''];
    const saved: Saved[] = [];
    if (values['remove'] === true) {
      for (const name of args) {
        const removed = await ask<Saved>('DELETE', `/v1/rules/${encodeURIComponent(name)}`, { author, reason });
        if (removed === null) return 1;
        saved.push(removed);
      }
    } else {
      const files = ruleFilesOf(args).map((file) => readRuleFile(file));
      for (const { checked } of files) for (const p of checked.problems) say(problemText(p));
      if (files.some(({ checked }) => checked.compiled === null)) return 1;
      for (const { file, text: body } of files) {
        const one = await ask<Saved>('POST', '/v1/rules', { text: body, file, author, reason });
        if (one === null) return 1;
        saved.push(one);
      }
    }
    print(formatOf(values), {
      value: saved.map((s) => ({ ...s.revision, changed: s.changed })),
      rows: saved.map((s) => ({ rule: s.revision.name, revision: s.revision.revision, saved: s.changed ? 'new revision' : 'unchanged' })),
      names: saved.map((s) => s.revision.name),
    });
    return 0;
  },
};

export const ruleList: Command = {
  name: 'rule list',
  args: '',
  about: 'the rules: revision, mode, and the keys that are not clear',
  options: { output: outputOption },
  run: async (_args, values) => {
    const view = await ask<StatusView>('GET', '/v1/status');
    if (view === null) return 2;
    const rows = view.rules.map((r) => ({
      rule: r.name,
      revision: r.revision,
      mode: r.mode,
      owner: r.owner,
      keys: r.keys.length === 0 ? 'all clear' : r.keys.map((k) => `${k.key} ${k.state}`).join(', '),
      why: r.why,
    }));
    print(formatOf(values), { value: view.rules, rows, names: view.rules.map((r) => r.name) });
    return 0;
  },
};

export const ruleShow: Command = {
  name: 'rule show',
  args: 'NAME',
  about: 'the text of a rule as it is in force',
  options: { output: outputOption, revision: { type: 'string', value: 'N', about: 'an older revision' } },
  run: async ([name], values) => {
    const history = await historyOf(name);
    const wanted = text(values, 'revision');
    const shown = wanted === undefined ? history.at(-1) : history.find((r) => String(r.revision) === wanted);
    if (shown === undefined) return none(name, wanted);
    const format = formatOf(values);
    if (format === 'table') process.stdout.write(shown.text ?? `# ${shown.name}@${shown.revision}: removed by ${shown.author}\n`);
    else print(format, { value: shown, rows: [], names: [`${shown.name}@${shown.revision}`] });
    return 0;
  },
};

export const ruleHistory: Command = {
  name: 'rule history',
  args: 'NAME',
  about: 'every revision of a rule: when, who, why',
  options: { output: outputOption },
  run: async ([name], values) => {
    const history = await historyOf(name);
    if (history.length === 0) return none(name, undefined);
    const rows = history.map((r) => ({
      revision: `${r.name}@${r.revision}`,
      at: new Date(r.at).toISOString(),
      author: r.author,
      change: r.text === null ? 'removed' : `${r.text.split('\n').length} lines`,
      reason: r.reason,
    }));
    print(formatOf(values), { value: history, rows, names: rows.map((r) => r.revision) });
    return 0;
  },
};

async function historyOf(name: string | undefined): Promise<readonly RuleRevisionView[]> {
  if (name === undefined) throw new UsageError('which rule?');
  return (await ask<readonly RuleRevisionView[]>('GET', `/v1/rules/${encodeURIComponent(name)}/history`)) ?? [];
}

function none(name: string | undefined, revision: string | undefined): number {
  say(
    `flyball: no rule ${JSON.stringify(name)}${revision === undefined ? '' : ` with revision ${revision}`} · flyball rule list shows them`,
  );
  return 1;
}
