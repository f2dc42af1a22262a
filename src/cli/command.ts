import { parseArgs, type ParseArgsConfig } from 'node:util';

type ParseArgsOptions = NonNullable<ParseArgsConfig['options']>;

export type Option = {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly multiple?: boolean;
  /** One line of help. */
  readonly about: string;
  /** Shown after the option's name, e.g. "FILE". */
  readonly value?: string;
};

export type Values = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

export type Command = {
  /** As typed: "rule apply". */
  readonly name: string;
  /** Positional arguments as help shows them: "DIR…". */
  readonly args: string;
  readonly about: string;
  readonly options: Readonly<Record<string, Option>>;
  /** More help: what it prints, what it exits with, an example. */
  readonly more?: string;
  /** Returns the exit code: 0 done, 1 "no", 2 could not. */
  readonly run: (positionals: readonly string[], values: Values) => Promise<number>;
};

/** Bad usage: says what is wrong and how the command is used; exit code 2. */
export class UsageError extends Error {}

export const outputOption: Option = { type: 'string', short: 'o', value: 'table|json|yaml|name', about: 'how to print (default table)' };

export const inventoryOption: Option = { type: 'string', value: 'FILE', about: 'who is out there, JSON; read again when it changes' };

export function parse(command: Command, argv: readonly string[]): { readonly positionals: readonly string[]; readonly values: Values } {
  const options: ParseArgsOptions = { help: { type: 'boolean', short: 'h' } };
  for (const [name, { type, short, multiple }] of Object.entries(command.options))
    options[name] = { type, ...(short === undefined ? {} : { short }), ...(multiple === undefined ? {} : { multiple }) };
  try {
    const { positionals, values } = parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
    return { positionals, values: values as Values };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

export function helpOf(command: Command): string {
  const rows = Object.entries({ ...command.options, help: { type: 'boolean', short: 'h', about: 'this text' } as Option }).map(
    ([name, o]) =>
      [`${o.short === undefined ? '    ' : `-${o.short}, `}--${name}${o.value === undefined ? '' : ` ${o.value}`}`, o.about] as const,
  );
  const width = Math.max(...rows.map(([left]) => left.length));
  const lines = rows.map(([left, about]) => `  ${left.padEnd(width)}  ${about}`);
  return [
    `flyball ${command.name} ${command.args}`.trimEnd(),
    '',
    `  ${command.about}`,
    '',
    ...lines,
    ...(command.more === undefined ? [] : ['', command.more]),
    '',
  ].join('\n');
}

export const text = (values: Values, name: string): string | undefined => {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
};

export const flag = (values: Values, name: string): boolean => values[name] === true;

export const list = (values: Values, name: string): readonly string[] => {
  const value = values[name];
  return Array.isArray(value) ? (value as readonly string[]) : [];
};

/** One of a fixed set of words, or the default. */
export function oneOf<T extends string>(values: Values, name: string, words: readonly T[], otherwise: T): T {
  const value = text(values, name);
  if (value === undefined) return otherwise;
  const word = words.find((w) => w === value);
  if (word === undefined) throw new UsageError(`--${name} takes one of ${words.join(', ')}, not ${JSON.stringify(value)}`);
  return word;
}
