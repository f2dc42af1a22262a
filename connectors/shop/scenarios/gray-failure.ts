import { faults } from '../faults.ts';
import { incidentJudge, incidentNext } from '../incident.ts';
import { usualWaits } from '../scenario.ts';
import type { Deed, Scenario } from '../scenario.ts';

/** c3 is slow, with status 200: what no outlier detection sees. */
export const slowReplica = (is: boolean): Deed => ({ kind: 'fault', fault: faults.grayFailure, on: ['c3'], is });

export const grayFailure: Scenario = {
  name: 'gray-failure',
  about: 'checkout replica c3 answers 20 times slower, with status 200: it is avoided, and comes back after the fault',
  rules: ['gray-failure'],
  begin: [slowReplica(true)],
  end: [slowReplica(false)],
  next: incidentNext,
  judge: incidentJudge,
  waits: usualWaits,
  expect: { transitions: 2, failedShareMax: 0.01, failedMax: 0, back: ['c3'] },
};
