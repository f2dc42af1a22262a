/** What one CEL text may cost to read and check; anything greater is refused with E-CEL-COST before it is parsed. */

/** Code units of one expression. */
export const celTextMax = 16 * 1024;
/** Tokens of one expression: parser and checker are linear in them. */
export const celTokensMax = 1_024;
/** Brackets and conditionals open at once: the parser and every walk over the tree recurse no deeper. */
export const celDepthMax = 48;
/** `? :` in one expression: the parser recurses once for each. */
export const celConditionalsMax = 32;
/** Macros (all, exists, map, …) inside each other. */
export const celMacroDepthMax = 2;
/** Steps that nested macros may take over one record. */
export const celMacroStepsMax = 10_000;
/** Elements that a list or map of a record is taken to hold when steps are counted. */
export const celElementsAssumed = 64;
/** Code units of a regular expression. */
export const celPatternMax = 1_024;
/** Instructions of a regular expression once its repeats are written out: what one character of a text may cost at worst. */
export const celPatternStepsMax = 1_280;
/** Problems reported for one expression. */
export const celProblemsMax = 20;
/** Problems noted before they are put in order; the walk goes from left to right, so later ones would not be shown. */
export const celProblemsFoundMax = 100;
