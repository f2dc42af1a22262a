import { commandNames, loadCommand } from './commands.ts';
import { Unreachable } from './client.ts';
import { helpOf, parse, UsageError, type Command } from './command.ts';
import { packageVersion } from '../runtime/package.ts';
import { say } from './print.ts';

/** Finds the command, runs it, and turns what went wrong into a line for a person and an exit code (0 done, 1 no, 2 could not). */
async function main(argv: readonly string[]): Promise<number> {
  const found = await find(argv);
  if (found === null) return overview(argv);
  const { command, rest } = found;
  if (rest.includes('--help') || rest.includes('-h')) {
    process.stdout.write(helpOf(command));
    return 0;
  }
  try {
    const { positionals, values } = parse(command, rest);
    return await command.run(positionals, values);
  } catch (error) {
    if (error instanceof Unreachable) {
      say(`flyball ${command.name}: ${error.message}`);
      return 2;
    }
    if (!(error instanceof UsageError)) throw error;
    say(`flyball ${command.name}: ${error.message}\nusage: flyball ${command.name} ${command.args}\nSee flyball ${command.name} --help`);
    return 2;
  }
}

/** The command with the longest name that the arguments begin with. */
async function find(argv: readonly string[]): Promise<{ readonly command: Command; readonly rest: readonly string[] } | null> {
  for (const words of [2, 1]) {
    const command = await loadCommand(argv.slice(0, words).join(' '));
    if (command !== null) return { command, rest: argv.slice(words) };
  }
  return null;
}

async function overview(argv: readonly string[]): Promise<number> {
  const [word] = argv;
  if (word === '--version' || word === '-v') {
    process.stdout.write(`${packageVersion()}\n`);
    return 0;
  }
  const asked = word === undefined || word === 'help' || word === '--help' || word === '-h';
  const group = commandNames.filter((name) => name.startsWith(`${word ?? ''} `));
  const all = await Promise.all((group.length > 0 ? group : commandNames).map(loadCommand));
  const shown = all.filter((c) => c !== null);
  const width = Math.max(...shown.map((c) => `${c.name} ${c.args}`.length));
  const lines = shown.map((c) => `  flyball ${`${c.name} ${c.args}`.padEnd(width)}  ${c.about}`);
  const text = [
    'flyball: closes the loop between what a network does and what it is told to do',
    '',
    ...lines,
    '',
    'Every command answers --help. FLYBALL_HOME (default ./.flyball) holds keys, data, sockets and the ports in use.',
    '',
  ].join('\n');
  if (asked || (group.length > 0 && argv.length === 1)) {
    process.stdout.write(text);
    return asked ? 0 : 2;
  }
  say(`flyball: unknown command ${JSON.stringify(argv.join(' '))}\n\n${text}`);
  return 2;
}

process.exitCode = await main(process.argv.slice(2));
