import { fail, ok } from '../../src/model/problem.ts';
import type { Result } from '../../src/model/problem.ts';

export type Settings = {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** The services it stands before; with one, every request is for it, with several the Host header says for which. */
  readonly services: readonly [string, ...string[]];
  /** Request headers that go into records, lower case. Others stay out: they may carry secrets. */
  readonly recordedHeaders: readonly string[];
  /** An upstream silent for this long has timed out. */
  readonly timeoutMs: number;
};

const recordedByDefault = ['x-user', 'x-tenant', 'x-canary'];
const servicesMax = 64;
const headersMax = 32;
const timeoutMsDefault = 15_000;
const timeoutMsMax = 3_600_000;

/** `listen`, `service`, `headers`, `timeout-ms`, as given with --set; a name it does not know is refused. */
export function parseSettings(given: Readonly<Record<string, string>>): Result<Settings> {
  const unknown = Object.keys(given).find((name) => !(names as readonly string[]).includes(name));
  if (unknown !== undefined) return refuse(unknown, 'is not a setting of builtin', `one of ${names.join(', ')}`);
  const listen = parseListen(given['listen'] ?? '127.0.0.1:0');
  if (listen === null) return refuse('listen', `is not host:port: ${given['listen'] ?? ''}`, 'e.g. 127.0.0.1:8080 or [::1]:0');
  const [first, ...others] = list(given['service'] ?? '');
  if (first === undefined) return refuse('service', 'is missing', 'name the service it stands before, e.g. --set service=checkout');
  if (others.length >= servicesMax) return refuse('service', 'names too many services', `at most ${servicesMax}`);
  const recordedHeaders = [...new Set([...recordedByDefault, ...list(given['headers'] ?? '').map((name) => name.toLowerCase())])];
  if (recordedHeaders.length > headersMax) return refuse('headers', 'names too many headers', `at most ${headersMax}`);
  const timeoutMs = given['timeout-ms'] === undefined ? timeoutMsDefault : Number(given['timeout-ms']);
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > timeoutMsMax) {
    return refuse('timeout-ms', `is not a time: ${given['timeout-ms'] ?? ''}`, `whole milliseconds, 1 to ${timeoutMsMax}`);
  }
  return ok({ ...listen, services: [first, ...others], recordedHeaders, timeoutMs });
}

const names = ['listen', 'service', 'headers', 'timeout-ms'] as const;

const refuse = (setting: string, what: string, todo: string): Result<never> =>
  fail({ code: 'E-SETTING', what: `${setting} ${what}`, at: `builtin:${setting}`, todo });

const list = (text: string): readonly string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

function parseListen(text: string): { readonly host: string; readonly port: number } | null {
  const [, v6, name, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = v6 ?? name;
  const port = Number(digits);
  return host === undefined || port > 65_535 ? null : { host, port };
}
