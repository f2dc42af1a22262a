/** ERROR: data was lost or a person must act. One event a decision. */
export type Level = 'debug' | 'info' | 'warn' | 'error';

export type Fields = Readonly<Record<string, string | number | boolean | null>>;

export type Log = {
  /** `event` in kebab-case: "epoch-taken". */
  readonly debug: (event: string, fields?: Fields) => void;
  readonly info: (event: string, fields?: Fields) => void;
  readonly warn: (event: string, fields?: Fields) => void;
  readonly error: (event: string, fields?: Fields) => void;
  /** The same log, with these fields on every line. */
  readonly with: (fields: Fields) => Log;
};

const levels: readonly Level[] = ['debug', 'info', 'warn', 'error'];
const valueCharsMax = 2_000;
const secretName = /pass(?:word|wd)?|secret|token|credential|authorization|cookie|private|seed/i;
/** user:password@ and token@ of any URL, also inside a longer text. */
const credentials = /([a-z][a-z0-9+.-]*:\/\/)[^\s/]*@/gi;

/**
 * One JSON object a line: {"at","level","event",…fields}. Standard output belongs to machine output, so lines go to standard error.
 * Fields whose name says secret are masked, and credentials are cut out of URLs: a log is read by more people than a database.
 */
export function systemLog(options: { readonly level?: Level; readonly write?: (line: string) => void } = {}): Log {
  const { level = 'info', write = (line: string): void => void process.stderr.write(line) } = options;
  const least = levels.indexOf(level);
  const make = (always: Fields): Log => {
    const at =
      (name: Level) =>
      (event: string, fields: Fields = {}): void => {
        if (levels.indexOf(name) < least) return;
        write(`${JSON.stringify({ at: new Date().toISOString(), level: name, event, ...clean({ ...always, ...fields }) })}\n`);
      };
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      with: (fields) => make({ ...always, ...fields }),
    };
  };
  return make({});
}

/** A text without the credentials of the URLs in it. */
export const withoutCredentials = (text: string): string => text.replace(credentials, '$1');

/** The level that FLYBALL_LOG names; `info` by default. */
export const levelOf = (text: string | undefined): Level => levels.find((level) => level === text) ?? 'info';

const clean = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, secretName.test(name) ? '***' : cleanValue(value)]));

function cleanValue(value: Fields[string]): Fields[string] {
  if (typeof value !== 'string') return value;
  return withoutCredentials(value.length > valueCharsMax ? `${value.slice(0, valueCharsMax)}…` : value);
}
