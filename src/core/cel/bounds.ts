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
/** What one evaluation of an expression may cost at worst, by cost.ts: a unit took 1 to 3 ns, in the worst texts that we found up to 100. */
export const celCostMax = 1_000_000;
/** Elements that a list or map of a record is taken to hold, and code units that a text of it is, when the cost is estimated. */
export const celElementsAssumed = 64;
export const celCharsAssumed = 1_024;
/** Code units of a regular expression. */
export const celPatternMax = 1_024;
/** Instructions of a regular expression once its repeats are written out: what one character of a text may cost at worst. */
export const celPatternStepsMax = 1_280;
/** Problems reported for one expression. */
export const celProblemsMax = 20;
/** Problems noted before they are put in order; the walk goes from left to right, so later ones would not be shown. */
export const celProblemsFoundMax = 100;
