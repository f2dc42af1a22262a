/** Who is out there: turns identity into addresses (design.md section 4). From a file and from what targets announce. */
export type Instance = {
  readonly service: string;
  readonly instance: string;
  readonly version?: string;
  readonly namespace?: string;
  readonly zone?: string;
  readonly region?: string;
  readonly node?: string;
  /** Canonical IP address. */
  readonly address: string;
  readonly port: number;
  readonly ready: boolean;
  readonly labels?: Readonly<Record<string, string>>;
};

/** Ordered by service, then instance; each pair once. */
export type Inventory = { readonly instances: readonly Instance[] };

export const emptyInventory: Inventory = { instances: [] };
