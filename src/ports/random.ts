export interface Random {
  /** An integer in 0 … below − 1; `below` ≤ 2^48. */
  readonly integer: (below: number) => number;
  /** `bytes` random bytes as lower-case hex. */
  readonly hex: (bytes: number) => string;
}
