import { parse } from 'yaml';

/** What we use of the compose specification, once anchors are merged and variables are put in. */
export type Service = {
  readonly image?: string;
  readonly build?: string;
  readonly user?: string;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly configs?: readonly { readonly source: string; readonly target: string }[];
  readonly secrets?: readonly (string | { readonly source: string })[];
  readonly volumes?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly ports?: readonly string[];
  readonly networks?: readonly string[] | Readonly<Record<string, { readonly ipv4_address?: string } | null>>;
  readonly network_mode?: string;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean };
  readonly restart?: string;
  readonly read_only?: boolean;
  readonly privileged?: boolean;
  readonly cap_drop?: readonly string[];
  readonly cap_add?: readonly string[];
  readonly security_opt?: readonly string[];
};

export type Compose = {
  readonly name?: string;
  readonly services: Readonly<Record<string, Service>>;
  readonly configs?: Readonly<Record<string, { readonly file?: string; readonly content?: string }>>;
  readonly secrets?: Readonly<Record<string, { readonly file?: string }>>;
  readonly volumes?: Readonly<Record<string, object | null>>;
  readonly networks?: Readonly<Record<string, { readonly internal?: boolean } | null>>;
};

/** `${NAME}` with no default, which the environment lacks: compose would put in nothing, and say so in passing. */
export const undefinedVariables = (text: string, env: Readonly<Record<string, string | undefined>>): readonly string[] =>
  [...text.matchAll(/(\$\$)|\$(?:\{([A-Za-z_]\w*)(:?[-+?][^}]*)?\}|([A-Za-z_]\w*))/g)].flatMap(([, escaped, name, otherwise, bare]) =>
    escaped === undefined && otherwise === undefined && env[name ?? bare ?? ''] === undefined ? [name ?? bare ?? ''] : [],
  );

/** Reads compose.yaml as compose does: variables first, then anchors and merge keys. */
export function readCompose(text: string, env: Readonly<Record<string, string | undefined>> = {}): Compose {
  const filled = text
    .split('\n')
    // A comment may show how a variable is given.
    .map((line) =>
      /^\s*#/.test(line)
        ? line
        : line.replaceAll(/\$\{([A-Za-z_]\w*):-([^}]*)\}/g, (_all, name: string, otherwise: string) => env[name] || otherwise),
    )
    .join('\n');
  return parse(filled, { merge: true, maxAliasCount: 1_000 }) as Compose;
}

export const networksOf = ({ networks = {} }: Service): readonly (readonly [string, { readonly ipv4_address?: string }])[] =>
  Array.isArray(networks) ? networks.map((name: string) => [name, {}] as const) : Object.entries(networks).map(([name, one]) => [name, one ?? {}] as const); // prettier-ignore

/** "volume:/path:ro" as its parts. */
export function mountOf(volume: string): { readonly source: string; readonly target: string; readonly readOnly: boolean } {
  const [source = '', target = '', mode = ''] = volume.split(':');
  return { source, target, readOnly: mode.split(',').includes('ro') };
}
