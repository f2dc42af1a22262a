import { subjectOf } from '../core/publish/subjects.ts';
import type { Bus } from '../ports/bus.ts';

/**
 * A bus on which records of a target can be kept from arriving: no good-bye, no signs of life, as when whatever reports has died. Tables,
 * acknowledgements and announces pass.
 */
export function silenceable(bus: Bus, target: string): { readonly bus: Bus; readonly setTelemetry: (on: boolean) => void } {
  const records = subjectOf('record', target);
  let silent = false;
  return {
    bus: {
      ...bus,
      publish: (message) => {
        if (!silent || message.subject !== records) bus.publish(message);
      },
    },
    setTelemetry: (on) => (silent = !on),
  };
}
