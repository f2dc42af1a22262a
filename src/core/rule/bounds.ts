/** What one rule file may hold. */

/** Bytes of a rule file; a greater one is refused before it is parsed. */
export const ruleBytesMax = 64 * 1024;
/** YAML tokens of a rule file. */
export const yamlTokensMax = 8_192;
/** `{` and `[` open at once. */
export const yamlDepthMax = 16;
/** `- ` or `? ` one after another on a line. */
export const yamlNestedOnLineMax = 4;
/** Problems reported for one file. */
export const problemsMax = 50;

export const nameText = /^[a-z0-9][a-z0-9-]{0,62}$/;
export const whyCharsMax = 1_000;
export const ownerCharsMax = 100;
export const columnsMax = 8;
export const actionsMax = 16;
export const weightsMax = 64;
export const perMax = 4;
export const targetsMax = 16;
export const headersMax = 32;
export const headerValueMax = 1_024;
export const bodyCharsMax = 4_096;
export const setsMax = 8;
export const paramsMax = 32;
/** Keys that one param names. */
export const paramKeysMax = 1_000;
export const variablesMax = 32;
export const summaryCharsMax = 500;
export const runbookCharsMax = 500;
export const countMax = 1_000_000_000;
export const guardKeysMax = 100_000;
export const everyNsMin = 10_000_000n;
/** A number that is read again, or steps, does so at most so often. */
export const movingEveryNsMin = 1_000_000_000n;
export const leaseNsMin = 15_000_000_000n;
/** Leaves of a condition once `!` and `? :` are resolved; nested conditionals double them. */
export const leavesMax = 4_096;
