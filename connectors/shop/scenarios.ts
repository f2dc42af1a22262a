import type { Scenario } from './scenario.ts';
import { engineFailover } from './scenarios/engine-failover.ts';
import { errorBurst } from './scenarios/error-burst.ts';
import { flapping } from './scenarios/flapping.ts';
import { flood } from './scenarios/flood.ts';
import { grayFailure } from './scenarios/gray-failure.ts';
import { latePlan } from './scenarios/late-plan.ts';
import { restoredDatabase } from './scenarios/restored-database.ts';
import { telemetryLoss } from './scenarios/telemetry-loss.ts';

export const scenarioNames = [
  'gray-failure',
  'error-burst',
  'flood',
  'telemetry-loss',
  'flapping',
  'late-plan',
  'engine-failover',
  'restored-database',
] as const;
export type ScenarioName = (typeof scenarioNames)[number];

export const scenarios: Readonly<Record<ScenarioName, Scenario>> = {
  'gray-failure': grayFailure,
  'error-burst': errorBurst,
  flood,
  'telemetry-loss': telemetryLoss,
  flapping,
  'late-plan': latePlan,
  'engine-failover': engineFailover,
  'restored-database': restoredDatabase,
};
