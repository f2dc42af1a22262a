import type { Command } from './command.ts';

/** In the order in which help shows them. Each is loaded when used: an adapter need not load a database driver to start. */
const loaders: Readonly<Record<string, () => Promise<Command>>> = {
  up: async () => (await import('./commands/up.ts')).up,
  engine: async () => (await import('./commands/engine.ts')).engine,
  adapter: async () => (await import('./commands/adapter.ts')).adapter,
  connector: async () => (await import('./commands/connector.ts')).connector,
  status: async () => (await import('./commands/read.ts')).status,
  target: async () => (await import('./commands/read.ts')).target,
  table: async () => (await import('./commands/read.ts')).table,
  why: async () => (await import('./commands/read.ts')).why,
  'rule lint': async () => (await import('./commands/rule.ts')).ruleLint,
  'rule test': async () => (await import('./commands/ruletest.ts')).ruleTest,
  'rule apply': async () => (await import('./commands/rule.ts')).ruleApply,
  'rule list': async () => (await import('./commands/rule.ts')).ruleList,
  'rule show': async () => (await import('./commands/rule.ts')).ruleShow,
  'rule history': async () => (await import('./commands/rule.ts')).ruleHistory,
  freeze: async () => (await import('./commands/override.ts')).freeze,
  revert: async () => (await import('./commands/override.ts')).revert,
  off: async () => (await import('./commands/override.ts')).off,
  resume: async () => (await import('./commands/resume.ts')).resume,
  explain: async () => (await import('./commands/explain.ts')).explain,
  replay: async () => (await import('./commands/replay.ts')).replay,
};

export const commandNames: readonly string[] = Object.keys(loaders);

/** null: no such command. */
export const loadCommand = async (name: string): Promise<Command | null> =>
  Object.hasOwn(loaders, name) ? ((await loaders[name]?.()) ?? null) : null;
