/**
 * Faults that can be switched on in a running service. `paymentFailure` and `productCatalogFailure` are the OpenTelemetry demo's flags
 * and mean the same here; the other two are failures that it has no flag for.
 */
export type Fault =
  /** This share of charges fails, in percent. */
  | { readonly flag: 'paymentFailure'; readonly percent: number }
  /** Every look at this product fails. */
  | { readonly flag: 'productCatalogFailure'; readonly product: string }
  /** Answers take `slower` times as long, and are otherwise right. */
  | { readonly flag: 'grayFailure'; readonly slower: number }
  /** This share of requests fails, in percent. */
  | { readonly flag: 'errorBurst'; readonly percent: number };

export type Flag = Fault['flag'];

/** The catalog of the OpenTelemetry demo; its productCatalogFailure flag breaks the first. */
export const products: readonly [string, ...string[]] = ['OLJCESPC7Z', '66VCHSJNUP', '1YMWWN1N4O', 'L9ECAV7KIM', '2ZYFJ3GM2N'];

/** Each fault as it is injected when no numbers are given. */
export const faults: { readonly [F in Flag]: Extract<Fault, { flag: F }> } = {
  paymentFailure: { flag: 'paymentFailure', percent: 50 },
  productCatalogFailure: { flag: 'productCatalogFailure', product: products[0] },
  grayFailure: { flag: 'grayFailure', slower: 20 },
  errorBurst: { flag: 'errorBurst', percent: 30 },
};

export type Effect = { readonly slower: number; readonly fails: boolean };

/** What the faults that are on do to one request; `draw` is in [0, 1). */
export function effectOf(on: readonly Fault[], request: { readonly product: string | null; readonly draw: number }): Effect {
  let slower = 1;
  let fails = false;
  for (const fault of on) {
    if (fault.flag === 'grayFailure') slower *= fault.slower;
    else if (fault.flag === 'productCatalogFailure') fails ||= request.product === fault.product;
    else fails ||= request.draw * 100 < fault.percent;
  }
  return { slower, fails };
}

/** The faults after one is switched: at most one of a flag is on, the latest. */
export function switched(on: readonly Fault[], fault: Fault, to: boolean): readonly Fault[] {
  const others = on.filter(({ flag }) => flag !== fault.flag);
  return to ? [...others, fault] : others;
}
