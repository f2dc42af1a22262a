import { canon } from '../../model/canon.ts';
import { absorbs, and } from '../../model/conjunction.ts';
import { sortScalars } from '../../model/merge.ts';
import { compareText } from '../../model/order.ts';
import type { Match, Scalar, Test } from '../../model/table.ts';
import { Refused } from './refuse.ts';

/** A disjunction of conjunctions in normal form; [] never holds, [{}] always. */
export type Terms = readonly Match[];

/** Conjunctions that one action may become. */
export const matchesMax = 256;
/** Conjunctions looked at on the way, before those that say nothing new are left out. */
const workMax = 1024;

export const never: Terms = [];
export const always: Terms = [{}];

export const either = (...all: readonly Terms[]): Terms => simplify(all.flat());

export function both(a: Terms, b: Terms): Terms {
  if (a.length * b.length > workMax * 16) throw tooMany(a.length * b.length);
  return simplify(
    a.flatMap((x) =>
      b.flatMap((y) => {
        const one = and(x, y);
        return one === null ? [] : [one];
      }),
    ),
  );
}

/** In the order of their canonical text. */
export const sortTerms = (terms: Terms): Terms =>
  terms
    .map((term) => [canon(term), term] as const)
    .sort(([a], [b]) => compareText(a, b))
    .map(([, term]) => term);

function simplify(terms: Terms): Terms {
  if (terms.length < 2) return terms;
  const distinct = new Map(terms.map((term) => [canon(term), term]));
  if (distinct.size > workMax) throw tooMany(distinct.size);
  const kept = joinLists(keepWidest([...distinct.values()]));
  if (kept.length > matchesMax) throw tooMany(kept.length);
  return kept;
}

const tooMany = (count: number): Refused =>
  new Refused({
    code: 'E-MATCH-SIZE',
    what: `the match becomes ${count} alternatives or more, at most ${matchesMax} may be`,
    todo: 'use `in` lists, or split the rule',
    expr: null,
  });

/** Without the terms that another one holds for anyway. */
function keepWidest(terms: Terms): Terms {
  const kept: Match[] = [];
  for (const term of [...terms].sort((a, b) => Object.keys(a).length - Object.keys(b).length)) {
    if (!kept.some((wide) => Object.keys(wide).every((path) => path in term) && absorbs(wide, term))) {
      // Equally many attributes: a later one may be the wider.
      for (let i = kept.length - 1; i >= 0; i--) {
        const narrow = kept[i];
        if (narrow !== undefined && sameKeys(term, narrow) && absorbs(term, narrow)) kept.splice(i, 1);
      }
      kept.push(term);
    }
  }
  return kept;
}

const sameKeys = (a: Match, b: Match): boolean =>
  Object.keys(a).length === Object.keys(b).length && Object.keys(a).every((path) => path in b);

/** `x == "a" || x == "b"`, all else equal, is one term with a list. Each round makes them fewer. */
function joinLists(terms: Terms): Terms {
  for (let list = terms; ;) {
    const joined = joinOnce(list);
    if (joined.length === list.length) return joined;
    list = joined;
  }
}

function joinOnce(terms: Terms): Terms {
  const paths = [...new Set(terms.flatMap((term) => Object.keys(term)))].sort(compareText);
  let list = terms;
  for (const path of paths) {
    const groups = new Map<string, Match>();
    for (const term of list) {
      const values = listOf(term[path]);
      if (values === null) {
        groups.set(canon(term), term);
        continue;
      }
      const name = canon({ ...term, [path]: [] });
      const before = listOf(groups.get(name)?.[path]) ?? [];
      groups.set(name, { ...term, [path]: [{ in: sortScalars([...before, ...values]) }] });
    }
    list = [...groups.values()];
  }
  return list;
}

function listOf(tests: readonly Test[] | undefined): readonly Scalar[] | null {
  const [test] = tests ?? [];
  return tests?.length === 1 && test !== undefined && 'in' in test ? test.in : null;
}
