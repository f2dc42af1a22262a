import type { Connector } from '../../src/ports/connector.ts';

/** The shop offers no target and no source of its own: it is what `flyball up` starts so that there is something to control. */
export const connector: Connector = {
  name: 'shop',
  about: 'the demo network: gateway → checkout (c1 c2 c3 v1, c4 v2) → payments, and catalog, with faults and a load generator',
};
