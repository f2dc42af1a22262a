import type { WhyView } from '../engine/views.ts';

/** A chain as a person reads it: one link a line, what is missing said. */
export function whyText(why: WhyView): string {
  const lines: string[] = [`entry ${why.entry}  ${why.inForce ? 'in force' : 'not in force'}`, `  ${why.summary}`];
  const link = (name: string, text: string) => lines.push(`  ${name.padEnd(12)}${text}`);
  if (why.rule !== null) {
    link('rule', `${why.rule.name}@${why.rule.revision}, rules/${why.rule.name}/rule.yaml:${why.rule.line}`);
    link('', why.rule.text);
  }
  if (why.key !== null) link('key', why.key);
  if (why.decision !== null) {
    link('decided', `${clock(why.decision.at)}, judged at ${why.decision.instant}`);
    for (const [name, value] of Object.entries(why.decision.values)) link('', `${name} = ${JSON.stringify(value)}`);
  }
  if (why.placement !== null) link('placed', `${why.placement.target}: ${why.placement.reason}`);
  if (why.diff !== null)
    link(
      'diff',
      `${clock(why.diff.at)}, ${why.diff.target} revision ${why.diff.revision} (${why.diff.op}), hash ${why.diff.hash.slice(0, 16)}`,
    );
  if (why.acknowledgement !== null) link('acked', `${clock(why.acknowledgement.at)}, ${why.acknowledgement.result} by ${why.acknowledgement.instance}`); // prettier-ignore
  if (why.observed !== null)
    link(
      'observed',
      `${clock(why.observed.at)}, ${why.observed.afterMs} ms after it was accepted: ${JSON.stringify(why.observed.request)}`,
    );
  if (why.ended !== null) link('ended', `${clock(why.ended.at)}, ${why.ended.why}, revision ${why.ended.revision}`);
  for (const text of why.missing) link('missing', text);
  return `${lines.join('\n')}\n`;
}

const clock = (ms: number): string => new Date(ms).toISOString();
