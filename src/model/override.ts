/** What a person puts above the tables (protocol.md section 6). `freeze`: what is forwarded stays; `revert`: an older table; `off`: standing entries only. */
export type OverrideMode = 'freeze' | 'revert' | 'off';

/** `all` and `target` cover whole tables, at the adapters; `rule` and `owner` are the engine's to plan by. */
export type OverrideScope =
  | { readonly kind: 'all' }
  | { readonly kind: 'target'; readonly name: string }
  | { readonly kind: 'rule'; readonly name: string }
  | { readonly kind: 'owner'; readonly name: string };

export type Override = {
  /** 32 hex digits, drawn: set by id, lifted by id. */
  readonly id: string;
  readonly scope: OverrideScope;
  readonly mode: OverrideMode;
  readonly by: string;
  readonly reason: string;
  /** ms since the epoch, UTC; `until` at most `overrideMsMax` later. */
  readonly at: number;
  readonly until: number;
};

/** From the mildest: of several the strictest wins. */
export const overrideModes: readonly OverrideMode[] = ['freeze', 'revert', 'off'];

/** null: none of them. */
export const strictest = (modes: readonly OverrideMode[]): OverrideMode | null =>
  overrideModes.findLast((mode) => modes.includes(mode)) ?? null;

export const coversTarget = ({ scope }: Override, target: string): boolean =>
  scope.kind === 'all' || (scope.kind === 'target' && scope.name === target);

export const coversRule = ({ scope }: Override, rule: { readonly name: string; readonly owner: string }): boolean =>
  (scope.kind === 'rule' && scope.name === rule.name) || (scope.kind === 'owner' && scope.name === rule.owner);

/** "all", "rule gray-failure". */
export const scopeText = (scope: OverrideScope): string => (scope.kind === 'all' ? 'all' : `${scope.kind} ${scope.name}`);
