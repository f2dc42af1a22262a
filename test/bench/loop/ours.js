import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { addRule, createJudge, finish } from '../../../dist/src/core/decide/judge.js';
import { fromBytes } from './events.js';
import { baseNs } from './forms.js';
import { compiledRule, feeds } from './feeds.js';
import { ruleAt } from './world.js';

// One process measures us as the peers' processes measure them: FOLDER RULES WARMUPS ROUNDS SECONDS FORM.
const [folder = '', ...given] = process.argv.slice(2);
const [rules = 0, warmups = 0, rounds = 0, secondsMax = 0] = given.slice(0, 4).map(Number);
const feed = feeds[given[4]](fromBytes(readFileSync(join(folder, 'events.bin'))));
const compiled = Array.from({ length: rules }, (_, id) => compiledRule(ruleAt(id)));

const rates = [];
const start = performance.now();
for (let i = 0; i < warmups + rounds; i++) {
  const { intervals, ms } = round();
  const rate = feed.n / (ms / 1_000);
  process.stderr.write(`${i < warmups ? 'warm-up' : 'round'} ${(rate / 1e6).toFixed(2)} M/s\n`);
  if (i === 0) writeFileSync(join(folder, 'intervals.tsv'), intervals.join('\n'));
  const isLate = performance.now() - start > secondsMax * 1_000;
  if (i >= warmups || isLate) rates.push(rate);
  if (isLate) break;
}
process.stdout.write(`${JSON.stringify({ rates, peakMB: Math.round(process.resourceUsage().maxRSS / 1_024) })}\n`);

function round() {
  // As the engine makes it: what a clear key's verdict becomes is told by replay alone.
  const judge = createJudge({ tellsClear: false });
  for (const one of compiled) addRule(judge, one);
  const fired = new Map();
  const intervals = [];
  const take = (changes) => {
    for (const { from, to, timeNs, rule, key } of changes) {
      const name = [rule.slice(1), ...key.values()].join('\t');
      const second = Number((timeNs - baseNs) / 1_000_000_000n);
      if (to === 'firing') fired.set(name, second);
      else if (from === 'firing') {
        intervals.push(`${name}\t${fired.get(name)}\t${second}`);
        fired.delete(name);
      }
    }
  };
  const began = performance.now();
  feed.run(judge, take);
  take(finish(judge));
  const ms = performance.now() - began;
  for (const [name, second] of fired) intervals.push(`${name}\t${second}\t-`);
  return { intervals, ms };
}
