/** Gives texts numbers, so that a column holds numbers and each text is looked at once. */
export type Names = {
  /** The texts by number: a TextColumn's `names`. A new list after `renew` has cleared it. */
  readonly names: () => readonly string[];
  readonly code: (text: string) => number;
  /** To be called between batches: with more than `namesMax` texts, begins anew. */
  readonly renew: () => void;
};

/** Texts of one column that are remembered from batch to batch. */
export const namesMax = 65_536;

/** Which texts were seen last, by a few of their characters: most are found without hashing. */
const slots = 1_024;

export function createNames(): Names {
  let names: string[] = [];
  let codes = new Map<string, number>();
  const guesses: string[] = Array.from({ length: slots }, () => '');
  const guessed = new Int32Array(slots);
  const searched = (text: string): number => {
    const known = codes.get(text);
    if (known !== undefined) return known;
    codes.set(text, names.length);
    return names.push(text) - 1;
  };
  return {
    names: () => names,
    code: (text) => {
      const n = text.length;
      const slot = n < 2 ? 0 : (text.charCodeAt(0) + 7 * text.charCodeAt(n - 1) + 31 * text.charCodeAt(n - 2) + 97 * n) & (slots - 1);
      // A guess of '' never matches what reaches it but '' itself, which is searched for.
      if (n > 0 && guesses[slot] === text) return guessed[slot]!;
      const code = searched(text);
      guesses[slot] = text;
      guessed[slot] = code;
      return code;
    },
    renew: () => {
      if (names.length <= namesMax) return;
      names = [];
      codes = new Map();
      guesses.fill('');
    },
  };
}
