import { incidentJudge, incidentNext } from '../incident.ts';
import type { ClientReport } from '../messages.ts';
import { usualWaits } from '../scenario.ts';
import type { Scenario } from '../scenario.ts';
import type { Timeline } from '../timeline.ts';

/** user-7 asks 50 times as often as usual. Its own answers are counted apart: everybody else must notice nothing. */
const client = { user: 7, times: 50 };

/** Half as many as usual: the flood then doubles and trebles what there is to do, and two cores are not simply drowned before anybody could act. */
const load = { ratePerS: 150, users: 20 };
const usualPerS = load.ratePerS / load.users;
/** The rule leaves a client twice what is usual; measured over a few seconds, with a first bucket in it, that may be three times. */
const admittedTimesMax = 3;

export const flood: Scenario = {
  name: 'flood',
  about: `one client asks ${client.times} times as often as usual: it is limited at the entrance, and the others notice nothing`,
  rules: ['client-flood'],
  load,
  begin: [{ kind: 'flood', flood: client }],
  end: [{ kind: 'flood', flood: null }],
  next: incidentNext,
  judge: (timeline, phases) => [...incidentJudge(timeline, phases), ...clientJudged(timeline)],
  figures: (timeline) => {
    const { sent, answered, refused, seconds } = limited(timeline);
    return { clientAskedPerS: perS(sent, seconds), clientAdmittedPerS: perS(answered, seconds), clientRefusedPerS: perS(refused, seconds) };
  },
  waits: { ...usualWaits, holdMs: 6_000 },
  expect: { transitions: 2, failedShareMax: 0, failedMax: 0, back: [] },
};

function clientJudged(timeline: Timeline): readonly string[] {
  const { sent, answered, refused, seconds } = limited(timeline);
  if (seconds === 0) return ['the client was never limited'];
  const asked = perS(sent, seconds) ?? 0;
  const admitted = perS(answered, seconds) ?? 0;
  return [
    ...(asked < (client.times / 2) * usualPerS ? [`the client asked ${asked} times a second: that is no flood`] : []),
    ...(refused === 0 ? ['none of the client was refused'] : []),
    ...(admitted > admittedTimesMax * usualPerS ? [`${admitted} requests a second of the client were let through, usual is ${usualPerS}`] : []),
  ]; // prettier-ignore
}

/** What came of the client from when the others are well again (what it sent before the limit is answered by then) to the end of the flood. */
function limited({ reports, stages, liftedMs }: Timeline): ClientReport & { readonly seconds: number } {
  const none = { sent: 0, answered: 0, refused: 0, failed: 0, seconds: 0 };
  const fromMs = stages.recovered;
  if (fromMs === null || liftedMs === null) return none;
  const within = reports.filter(({ atMs }) => atMs > fromMs && atMs <= liftedMs);
  const [first, last] = [within[0], within.at(-1)];
  if (first === undefined || last === undefined || last.atMs <= first.atMs) return none;
  // The first report reaches back to before it.
  const counted = within.slice(1).flatMap((report) => report.client ?? []);
  const add = (name: keyof ClientReport): number => counted.reduce((sum, report) => sum + report[name], 0);
  return { sent: add('sent'), answered: add('answered'), refused: add('refused'), failed: add('failed'), seconds: (last.atMs - first.atMs) / 1_000 }; // prettier-ignore
}

const perS = (count: number, seconds: number): number | null => (seconds === 0 ? null : Math.round((10 * count) / seconds) / 10);
