import type { Match } from '../../model/table.ts';
import { checkOf } from '../../model/test.ts';

/** Whether a match can hold for requests to this service. */
export const concerns = (match: Match, service: string): boolean =>
  (match['destination.service'] ?? []).every((test) => checkOf(test)(service));

/** Services that a match names; [] when it names none. */
export const servicesNamed = (match: Match): readonly string[] =>
  (match['destination.service'] ?? []).flatMap((test) => ('in' in test ? test.in.filter((value) => typeof value === 'string') : []));
