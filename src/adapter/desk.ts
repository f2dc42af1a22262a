import type { Asked, Hold } from '../core/hold/types.ts';
import { isObject, list, text } from '../core/publish/check.ts';
import { override } from '../core/publish/shapes.ts';
import { liftedMax } from '../core/limits.ts';
import { coversTarget } from '../model/override.ts';
import type { Override } from '../model/override.ts';
import type { Problem } from '../model/problem.ts';

/** What a person asks of one adapter, at its own socket: `{"override": …}`, `{"lift": [ids] | null}`, or nothing, to be told how it stands. */
export type DeskAnswer = { readonly status: number; readonly body: unknown };

const ids = list(text(32), liftedMax);

/** Problems: E-BODY. The answer says what holds once it is on disk and in the device: ask again until `mode` and `overrides` say so. */
export function atDesk(body: unknown, hold: Hold, give: (asked: Asked) => void): DeskAnswer {
  if (!isObject(body)) return refused('the body is no object');
  if ('override' in body) {
    const wrong = override(body['override'], 'override');
    if (wrong !== null) return refused(wrong);
    const asked = body['override'] as Override;
    if (!coversTarget(asked, hold.options.target)) return refused(`its scope is not ${hold.options.target}`);
    give({ kind: 'override', override: asked });
  } else if ('lift' in body) {
    const asked = body['lift'];
    const wrong = asked === null ? null : ids(asked, 'lift');
    if (wrong !== null) return refused(wrong);
    give({ kind: 'lift', ids: asked as readonly string[] | null });
  }
  return { status: 200, body: { target: hold.options.target, ...hold.status, refused: Object.fromEntries(hold.counts) } };
}

function refused(what: string): DeskAnswer {
  const problem: Problem = {
    code: 'E-BODY',
    what,
    at: 'the adapter',
    todo: 'use flyball freeze, revert, off or resume of the same version',
  };
  return { status: 400, body: { problems: [problem] } };
}
