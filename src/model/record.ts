/**
 * What the loop reads (rules.md section 1). The names are those of `google.rpc.context.AttributeContext` and Envoy's CEL attributes.
 * Absence is a value: what a source cannot know is left out, never 0 or "". Times and durations are bigint nanoseconds.
 */

export type Peer = {
  readonly service?: string;
  readonly version?: string;
  readonly namespace?: string;
  readonly instance?: string;
  readonly zone?: string;
  readonly region?: string;
  readonly node?: string;
  readonly principal?: string;
  /** Canonical text, RFC 5952 for IPv6. */
  readonly address?: string;
  readonly port?: number;
  readonly labels?: ReadonlyMap<string, string>;
};

export type Reporter = { readonly side?: 'source' | 'destination' | 'transit'; readonly target?: string };

export type RpcRecord = {
  readonly stream: 'rpc';
  readonly time: bigint;
  readonly source: Peer;
  readonly destination: Peer;
  readonly reporter: Reporter;
  readonly rpc: { readonly event?: 'end' | 'periodic' };
  readonly request: {
    readonly protocol?: string;
    readonly method?: string;
    readonly host?: string;
    readonly path?: string;
    readonly route?: string;
    readonly id?: string;
    readonly size?: number;
    readonly attempt?: number;
    readonly headers?: ReadonlyMap<string, string>;
  };
  readonly response: {
    readonly code?: number;
    readonly grpc_status?: number;
    readonly size?: number;
    readonly flags?: readonly string[];
    readonly duration?: bigint;
    readonly failed?: boolean;
  };
  /** Tags `rule@revision` that the enforcing engine put on it. */
  readonly applied: readonly string[];
};

export type FlowRecord = {
  readonly stream: 'flow';
  readonly time: bigint;
  readonly source: Peer;
  readonly destination: Peer;
  readonly reporter: Reporter;
  readonly flow: {
    readonly protocol?: number;
    readonly bytes?: number;
    readonly packets?: number;
    readonly dscp?: number;
    readonly retransmits?: number;
    readonly sampling?: number;
    readonly tcp_flags?: readonly string[];
    readonly rtt?: bigint;
    readonly duration?: bigint;
    readonly failed?: boolean;
    readonly end?: boolean;
    readonly direction?: string;
  };
};

export type Stream = 'rpc' | 'flow';
export type FlyRecord = RpcRecord | FlowRecord;

/** Time passed; nothing was seen. */
export type Tick = { readonly stream: 'tick'; readonly time: bigint };

/** A source's health changed; `streams` are those it feeds. */
export type SourceLine = {
  readonly stream: 'source';
  readonly time: bigint;
  readonly source: string;
  readonly state: 'stale' | 'live';
  readonly streams: readonly Stream[];
};

/** One line of a recording, in the order read. */
export type Line = FlyRecord | Tick | SourceLine;
