/** Longest word that is compared: the distance costs the product of both lengths. */
const wordMax = 40;

/** The candidate that `word` most likely meant, or null: at most a third of its letters (at least one, two from four letters) differ. */
export function suggest(word: string, candidates: Iterable<string>): string | null {
  if (word.length > wordMax) return null;
  let best: string | null = null;
  let least = word.length < 4 ? 1 : Math.max(2, Math.floor(word.length / 3));
  for (const candidate of [...candidates].toSorted()) {
    if (candidate === word || candidate.length > wordMax) continue;
    const differ = distance(word.toLowerCase(), candidate.toLowerCase());
    if (differ < least || (differ === least && best === null)) {
      best = candidate;
      least = differ;
    }
  }
  return best;
}

/** "did you mean `x`?", or `otherwise` when nothing is near. */
export function didYouMean(word: string, candidates: Iterable<string>, otherwise: string): string {
  const meant = suggest(word, candidates);
  return meant === null ? otherwise : `did you mean \`${meant}\`?`;
}

/** Edits (insert, delete, replace, swap of neighbours) from one word to the other. */
function distance(from: string, to: string): number {
  let before: readonly number[] = [];
  let last: readonly number[] = Array.from({ length: to.length + 1 }, (_, j) => j);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const replace = (last[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      const swap = swapped ? (before[j - 2] ?? 0) + 1 : replace;
      row.push(Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, replace, swap));
    }
    before = last;
    last = row;
  }
  return last[to.length] ?? 0;
}
