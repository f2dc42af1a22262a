/** The leader's row of the record (protocol.md section 4). */
export type LeaderRow = {
  /** '': nobody leads. */
  readonly holder: string;
  readonly epoch: number;
  /** Rises with each sign of life of the holder. */
  readonly beat: number;
  /** Of the holder's API; '': not known. */
  readonly address: string;
};
