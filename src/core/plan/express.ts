import { fieldOf } from '../../model/facts.ts';
import type { Entry } from '../../model/table.ts';
import type { Capabilities } from '../../model/target.ts';
import { nameOf } from '../../model/test.ts';

/** What keeps a target from carrying out an entry whole, e.g. "no request.path"; null: nothing. */
export function lacking({ action, match }: Entry, can: Capabilities): string | null {
  if (!can.actions.includes(action.kind)) return `no ${action.kind}`;
  if (action.kind === 'set') {
    // Who cannot read a field cannot write it either.
    const edits = Object.keys(action.set).length + action.remove.length;
    if (edits > 0 && !can.fields.includes('request.headers')) return 'no request.headers';
    if (action.dscp !== null && !can.fields.includes('flow.dscp')) return 'no flow.dscp';
  }
  const sticky = action.kind === 'split' && action.sticky !== null ? [action.sticky] : [];
  const per = action.kind === 'limit' ? action.per : [];
  const field = [...Object.keys(match), ...sticky, ...per].find(
    (path) => !can.fields.includes(path) && !can.fields.includes(fieldOf(path)),
  );
  if (field !== undefined) return `no ${field}`;
  const test = Object.values(match)
    .flat()
    .map(nameOf)
    .find((name) => !can.tests.includes(name));
  return test === undefined ? null : `no test ${test}`;
}
