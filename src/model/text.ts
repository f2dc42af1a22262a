import type { Action, Match, Test } from './table.ts';

/** A match as a person reads it, close to CEL. */
export function matchText(match: Match): string {
  const parts = Object.entries(match).flatMap(([path, tests]) => tests.map((t) => testText(path, t)));
  return parts.length === 0 ? 'everything' : parts.join(' && ');
}

function testText(path: string, test: Test): string {
  const quoted = (v: unknown) => JSON.stringify(v);
  if ('present' in test) return test.present ? `has(${path})` : `!has(${path})`;
  if ('in' in test) return test.in.length === 1 ? `${path} == ${quoted(test.in[0])}` : `${path} in ${quoted(test.in)}`;
  if ('notIn' in test) return test.notIn.length === 1 ? `${path} != ${quoted(test.notIn[0])}` : `!(${path} in ${quoted(test.notIn)})`;
  if ('range' in test) return `${path} in ${test.range[0]}…${test.range[1]}`;
  const not = test.not === true ? '!' : '';
  if ('cidr' in test) return `${not}cidr(${quoted(test.cidr)}).containsIP(${path})`;
  if ('prefix' in test) return `${not}${path}.startsWith(${quoted(test.prefix)})`;
  if ('suffix' in test) return `${not}${path}.endsWith(${quoted(test.suffix)})`;
  if ('contains' in test) return `${not}${path}.contains(${quoted(test.contains)})`;
  return `${not}${path}.matches(${quoted(test.regex)})`;
}

/** An action as a person reads it. */
export function actionText(action: Action): string {
  switch (action.kind) {
    case 'allow':
      return 'allow';
    case 'deny':
      return `deny ${percent(action.ppm)} with ${action.status}`;
    case 'respond':
      return `respond ${action.status}`;
    case 'limit':
      return `limit ${action.rateMilli / 1000} ${action.unit}/s, burst ${action.burst}${action.per.length > 0 ? ` per ${action.per.join(', ')}` : ''}`;
    case 'split':
      return `split ${action.on} ${Object.entries(action.ppm).map(([v, ppm]) => `${v} ${percent(ppm)}`).join(', ')}`; // prettier-ignore
    case 'route':
      return `route to ${action.to}`;
    case 'avoid':
      return `avoid ${action.on} ${action.value} ${percent(action.ppm)}`;
    case 'mirror':
      return `mirror ${percent(action.ppm)} to ${action.to}`;
    case 'set':
      return `set ${[...Object.keys(action.set), ...action.remove.map((h) => `-${h}`), ...(action.dscp === null ? [] : [`dscp ${action.dscp}`])].join(', ')}`; // prettier-ignore
  }
}

/** 980,000 ppm → "98%". */
export const percent = (ppm: number): string => `${Number((ppm / 10_000).toFixed(4))}%`;
