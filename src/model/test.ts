import { parseAddress, parsePrefix, within } from './address.ts';
import { toRegExp } from './regex.ts';
import type { Scalar, Test } from './table.ts';

/** The names of the tests, as capabilities announce them. */
export const testNames = ['present', 'in', 'notIn', 'range', 'cidr', 'prefix', 'suffix', 'contains', 'regex'] as const;
export type TestName = (typeof testNames)[number];

export function nameOf(test: Test): TestName {
  for (const name of testNames) if (name in test) return name;
  throw new Error(`flyball: not a test: ${JSON.stringify(test)}`);
}

/** Whether a value (undefined: absent) passes. */
export type Check = (value: Scalar | undefined) => boolean;

/**
 * What a test means. As CEL: a test of a value of the wrong kind (a port as a prefix, a text that is no address in a cidr) is an error,
 * and an error does not match, negated or not.
 * Errors: throws NotPortable for a regex that V8 cannot read as RE2 does, and on a cidr that is no prefix; the planner lets neither in.
 */
export function checkOf(test: Test): Check {
  if ('present' in test) return (value) => (value !== undefined) === test.present;
  if ('in' in test) return (value) => value !== undefined && test.in.includes(value);
  if ('notIn' in test) return (value) => value !== undefined && !test.notIn.includes(value);
  if ('range' in test) return (value) => typeof value === 'number' && test.range[0] <= value && value <= test.range[1];
  const yes = test.not !== true;
  if ('cidr' in test) return cidrCheck(test.cidr, yes);
  if ('prefix' in test) return textCheck((text) => text.startsWith(test.prefix) === yes);
  if ('suffix' in test) return textCheck((text) => text.endsWith(test.suffix) === yes);
  if ('contains' in test) return textCheck((text) => text.includes(test.contains) === yes);
  const regex = toRegExp(test.regex);
  return textCheck((text) => regex.test(text) === yes);
}

const textCheck =
  (check: (text: string) => boolean): Check =>
  (value) =>
    typeof value === 'string' && check(value);

function cidrCheck(cidr: string, yes: boolean): Check {
  const prefix = parsePrefix(cidr);
  if (prefix === undefined) throw new Error(`flyball: not a prefix: ${cidr}`);
  return textCheck((text) => {
    const address = parseAddress(text);
    return address !== undefined && within(address, prefix) === yes;
  });
}
