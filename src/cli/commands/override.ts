import { overrideMsDefault, overrideMsMax } from '../../core/limits.ts';
import type { OverrideView } from '../../engine/views.ts';
import type { HoldStatus } from '../../core/hold/types.ts';
import { parseDuration } from '../../model/duration.ts';
import { coversTarget, scopeText } from '../../model/override.ts';
import type { Override, OverrideMode, OverrideScope } from '../../model/override.ts';
import { callApi } from '../../runtime/apiclient.ts';
import { systemClock } from '../../runtime/clock.ts';
import { userName } from '../../runtime/home.ts';
import { systemRandom } from '../../runtime/random.ts';
import { askSockets } from '../desks.ts';
import { flag, list, outputOption, text, UsageError, type Command, type Option, type Values } from '../command.ts';
import { formatOf, print, problemText, say } from '../print.ts';

/** A target has so long to say that it stands under the override (protocol.md section 6). */
const confirmMsMax = 2_000;
/** An engine that has not answered by then is passed by: the adapters of this home are asked themselves. */
const engineMsMax = 600;
const askEveryMs = 50;

export const scopeOptions: Readonly<Record<string, Option>> = {
  all: { type: 'boolean', about: 'every target' },
  target: { type: 'string', value: 'NAME', about: 'one target' },
  rule: { type: 'string', value: 'NAME', about: 'what one rule has in force, everywhere; needs an engine' },
  owner: { type: 'string', value: 'NAME', about: "what one owner's rules have in force, everywhere; needs an engine" },
};

const command = (mode: OverrideMode, about: string): Command => ({
  name: mode,
  args: '',
  about,
  options: {
    ...scopeOptions,
    for: { type: 'string', value: 'DURATION', about: 'how long at most, up to 24h (default 1h)' },
    reason: { type: 'string', value: 'TEXT', about: 'why, kept in the audit' },
    author: { type: 'string', value: 'NAME', about: 'who (default: the user)' },
    local: { type: 'boolean', about: 'only the adapters of this home, through their sockets, without the engine' },
    output: outputOption,
  },
  more:
    '  Without an engine that answers, --all and --target go through the sockets of the adapters in this home, and that is said.\n' +
    '  Prints which targets have confirmed. Exit code 1 unless all have within 2 s. `flyball resume` lifts it.',
  run: (args, values) => setOverride(mode, args, values),
});

export const freeze = command('freeze', 'keeps what is forwarded as it is, leases included');
export const revert = command('revert', 'goes back to the table before the last change, minus what has ended, and stays there');
export const off = command('off', 'takes out all that automation put in: standing entries only');

const clock = systemClock();
const wait = (ms: number): Promise<void> => new Promise((resolve) => clock.after(ms, resolve));

async function setOverride(mode: OverrideMode, args: readonly string[], values: Values): Promise<number> {
  if (args.length > 0) throw new UsageError(`${mode} takes no ${args[0] ?? ''}: say --target, --rule, --owner or --all`);
  const scope = scopeOf(values);
  const given = text(values, 'for');
  const forMs = given === undefined ? overrideMsDefault : msOf(given);
  const at = Math.floor(clock.now());
  const override: Override = {
    id: systemRandom.hex(16),
    scope,
    mode,
    by: text(values, 'author') ?? userName(),
    reason: text(values, 'reason') ?? '',
    at,
    until: at + forMs,
  };
  const isLocal = flag(values, 'local');
  const { id, by, reason } = override;
  const asked = isLocal ? null : await callApi({ method: 'POST', path: '/v1/overrides', body: { id, mode, scope, by, reason, forMs }, answerMsMax: engineMsMax }); // prettier-ignore
  if (asked?.ok === true && asked.value.status >= 400) {
    for (const p of (asked.value.body as { readonly problems?: readonly Parameters<typeof problemText>[0][] }).problems ?? [])
      say(problemText(p));
    return 2;
  }
  const hasEngine = asked?.ok === true;
  if (!hasEngine && !isLocal)
    say(`no engine answers (${asked === null ? '' : asked.problem.what}): asking the adapters of this home themselves`);
  if (!hasEngine && scope.kind !== 'all' && scope.kind !== 'target') {
    say('by rule and by owner it is the engine that acts: use --target or --all');
    return 2;
  }
  const view = await confirmed(override, hasEngine);
  print(formatOf(values), {
    value: view,
    rows: [
      ...view.confirmed.map((target) => ({ target, mode, is: 'confirmed' })),
      ...view.unconfirmed.map((target) => ({ target, mode, is: 'UNCONFIRMED' })),
    ],
    names: [id],
  });
  say(`${mode} of ${scopeText(scope)} until ${new Date(override.until).toISOString()}: ${view.confirmed.length} confirmed, ${view.unconfirmed.length} not; lift it with flyball resume${hasEngine ? ` --id ${id}` : scope.kind === 'all' ? ' --all' : ` --target ${scope.name}`}`); // prettier-ignore
  return view.unconfirmed.length === 0 && view.confirmed.length > 0 ? 0 : 1;
}

/** Waits for the targets; those that the engine does not reach, and whose socket is here, are asked there. */
async function confirmed(override: Override, hasEngine: boolean): Promise<OverrideView> {
  const end = clock.monotonic() + confirmMsMax;
  const half = end - confirmMsMax / 2;
  const here = new Map<string, boolean>();
  const own = new Map<string, Override>();
  // An engine that learns of it from the adapters knows each by its own id.
  const ofTarget = (name: string): Override => {
    const known =
      own.get(name) ?? (hasEngine ? override : { ...override, id: systemRandom.hex(16), scope: { kind: 'target', name } as const });
    own.set(name, known);
    return known;
  };
  let view: OverrideView = { ...override, confirmed: [], unconfirmed: [] };
  for (;;) {
    if (hasEngine) view = (await viewOfEngine(override.id)) ?? view;
    if (!hasEngine || (view.unconfirmed.length > 0 && clock.monotonic() >= half && !isPlanned(override))) {
      const isAsked = (target: string): boolean => coversTarget(override, target) && (!hasEngine || view.unconfirmed.includes(target));
      for (const { target, answer } of await askSockets(isAsked, (name) => ({ override: ofTarget(name) }))) {
        const status = answer.ok && answer.value.status === 200 ? (answer.value.body as HoldStatus) : null;
        here.set(target, status !== null && status.mode !== null && status.overrides.some(({ id }) => id === ofTarget(target).id));
      }
    }
    const confirmedHere = [...here].filter(([, is]) => is).map(([target]) => target);
    const all = new Set([...view.unconfirmed, ...here.keys()]);
    const now: OverrideView = {
      ...override,
      confirmed: [...new Set([...view.confirmed, ...confirmedHere])].toSorted(),
      unconfirmed: [...all].filter((target) => !confirmedHere.includes(target) && !view.confirmed.includes(target)).toSorted(),
    };
    if ((now.unconfirmed.length === 0 && now.confirmed.length > 0) || clock.monotonic() >= end) return now;
    await wait(askEveryMs);
  }
}

const isPlanned = ({ scope }: Override): boolean => scope.kind === 'rule' || scope.kind === 'owner';

async function viewOfEngine(id: string): Promise<OverrideView | null> {
  const answer = await callApi({ method: 'GET', path: '/v1/overrides', answerMsMax: engineMsMax });
  if (!answer.ok || answer.value.status !== 200) return null;
  return (answer.value.body as readonly OverrideView[]).find((one) => one.id === id) ?? null;
}

/** Exactly one of the four. */
export function scopeOf(values: Values): OverrideScope {
  const given = scopesGiven(values);
  const [scope] = given;
  if (scope === undefined || given.length > 1) throw new UsageError('say one of --all, --target, --rule, --owner');
  return scope;
}

export const scopesGiven = (values: Values): readonly OverrideScope[] => [
  ...(flag(values, 'all') ? [{ kind: 'all' } as const] : []),
  ...(['target', 'rule', 'owner'] as const).flatMap((kind) => {
    const name = text(values, kind);
    return name === undefined ? [] : [{ kind, name }];
  }),
];

function msOf(given: string): number {
  const ns = parseDuration(given);
  const ms = ns === null ? 0 : Number(ns / 1_000_000n);
  if (ms <= 0 || ms > overrideMsMax) throw new UsageError(`--for takes a duration up to 24h, like 30m, not ${JSON.stringify(given)}`);
  return ms;
}

export const idsGiven = (values: Values): readonly string[] => list(values, 'id');
