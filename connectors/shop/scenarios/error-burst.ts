import { faults } from '../faults.ts';
import { incidentJudge, incidentNext } from '../incident.ts';
import { usualWaits } from '../scenario.ts';
import type { Deed, Scenario } from '../scenario.ts';

const v1 = ['c1', 'c2', 'c3'];
const failing = (is: boolean): Deed => ({ kind: 'fault', fault: faults.errorBurst, on: v1, is });

export const errorBurst: Scenario = {
  name: 'error-burst',
  about: 'checkout v1 fails 30 % of its requests: traffic is split to v2, and comes back after the fault',
  rules: ['error-burst'],
  begin: [failing(true)],
  end: [failing(false)],
  next: incidentNext,
  judge: incidentJudge,
  waits: usualWaits,
  expect: { transitions: 2, failedShareMax: 0.01, failedMax: null, back: v1 },
};
