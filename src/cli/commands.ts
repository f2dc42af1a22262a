import type { Command } from './command.ts';
import { status, table, target, why } from './commands/read.ts';
import { replay } from './commands/replay.ts';
import { ruleApply, ruleHistory, ruleLint, ruleList, ruleShow } from './commands/rule.ts';
import { adapter, connector, engine } from './commands/run.ts';
import { up } from './commands/up.ts';

/** In the order in which help shows them. */
export const commands: readonly Command[] = [
  up,
  engine,
  adapter,
  connector,
  status,
  target,
  table,
  why,
  ruleLint,
  ruleApply,
  ruleList,
  ruleShow,
  ruleHistory,
  replay,
];
