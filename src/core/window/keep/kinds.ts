import type { CelType } from '../../cel/types.ts';
import { createTrues } from './counts.ts';
import type { Trues } from './counts.ts';
import { createDistinct } from './distinct.ts';
import type { Distinct } from './distinct.ts';
import { createDoubleSums } from './doubles.ts';
import type { DoubleSums } from './doubles.ts';
import { createExtremes } from './extremes.ts';
import type { Extremes } from './extremes.ts';
import type { Keeper } from './keeper.ts';
import { createQuantiles } from './quantiles.ts';
import type { Quantiles } from './quantiles.ts';
import { createSquares } from './squares.ts';
import type { Squares } from './squares.ts';
import { createSums } from './sums.ts';
import type { Sums } from './sums.ts';

/** Every way to keep values, by name. */
export type Keepers = {
  readonly trues: Trues;
  readonly sums: Sums;
  readonly squares: Squares;
  readonly doubles: DoubleSums;
  readonly spread: DoubleSums;
  readonly extremes: Extremes;
  readonly distinct: Distinct;
  readonly quantiles: Quantiles;
};

export type KeeperKind = keyof Keepers;
export type AnyKeeper = Keeper;

const makers: { readonly [K in KeeperKind]: (type: CelType) => Keepers[K] } = {
  trues: createTrues,
  sums: createSums,
  squares: createSquares,
  doubles: () => createDoubleSums(false),
  spread: () => createDoubleSums(true),
  extremes: createExtremes,
  distinct: createDistinct,
  quantiles: ({ kind }) => createQuantiles(kind !== 'double'),
};

/** A keeper for values of this type. */
export const createKeeper = (kind: KeeperKind, type: CelType): AnyKeeper => makers[kind](type) as AnyKeeper;
