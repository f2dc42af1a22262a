import { mountOf, networksOf, readCompose, undefinedVariables, type Compose, type Service } from './model.ts';

/** What the schema of the specification lets through, and an operator would meet at two in the morning; one line each. */
export function faultsOf(text: string, env: Readonly<Record<string, string | undefined>> = {}): readonly string[] {
  const code = text.replaceAll(/^\s*#.*$/gm, '');
  const variables = undefinedVariables(code, env).map((name) => `the variable ${name} has no default`);
  const compose = readCompose(text, env);
  const services = Object.entries(compose.services).flatMap(([name, service]) => serviceFaults(compose, name, service).map((fault) => `${name}: ${fault}`)); // prettier-ignore
  return [...variables, ...services, ...unused(compose), ...duplicates(compose), ...cycles(compose)];
}

function serviceFaults(compose: Compose, name: string, service: Service): readonly string[] {
  const found: string[] = [];
  const known = (kind: string, all: object | undefined, used: string): void => {
    if (!Object.hasOwn(all ?? {}, used)) found.push(`${kind} ${used} is not defined`);
  };
  for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
    known('service', compose.services, other);
    const to = compose.services[other];
    if (condition === 'service_healthy' && to?.healthcheck === undefined)
      found.push(`waits for the health of ${other}, which has no check`);
    if (condition === 'service_completed_successfully' && to?.restart !== 'no') found.push(`waits for the end of ${other}, which is started again`); // prettier-ignore
  }
  for (const volume of service.volumes ?? []) {
    const { source } = mountOf(volume);
    if (/^[./~]/.test(source)) found.push(`mounts ${source} of this machine`);
    else known('volume', compose.volumes, source);
  }
  for (const [network] of networksOf(service)) known('network', compose.networks, network);
  for (const { source } of service.configs ?? []) {
    known('config', compose.configs, source);
    // docker/compose issue 12031.
    if (service.read_only === true && compose.configs?.[source]?.content !== undefined) found.push(`config ${source} is inline text, and the container is read-only`); // prettier-ignore
  }
  for (const secret of service.secrets ?? []) known('secret', compose.secrets, typeof secret === 'string' ? secret : secret.source);
  if (name !== 'init' && (service.healthcheck?.test ?? []).length === 0) found.push('has no health check');
  if (service.healthcheck?.disable === true) found.push('its health check is off');
  if (!/^[1-9]\d*:[1-9]\d*$/.test(service.user ?? '')) found.push(`runs as ${service.user ?? 'whoever the image says'}, which may be root`);
  if (service.privileged === true || (service.cap_add ?? []).length > 0) found.push('has more rights than a process needs');
  if (!(service.cap_drop ?? []).includes('ALL')) found.push('keeps capabilities');
  if (!(service.security_opt ?? []).includes('no-new-privileges:true')) found.push('may gain rights');
  if (service.read_only !== true) found.push('may write to its image');
  if (!/^[\w./-]+:[\w.-]*\d[\w.-]*$/.test(service.image ?? '')) found.push(`the image ${service.image ?? ''} is not pinned`);
  for (const [variable, value] of Object.entries(service.environment ?? {}))
    if (/PASSWORD|SECRET|TOKEN|SEED/.test(variable) && !variable.endsWith('_FILE')) found.push(`${variable} is in the environment: ${value === '' ? 'empty' : 'set'}`); // prettier-ignore
  for (const port of service.ports ?? []) if (!port.startsWith('127.0.0.1:')) found.push(`publishes ${port} to the world`);
  return found;
}

function unused({ services, volumes = {}, networks = {}, configs = {}, secrets = {} }: Compose): readonly string[] {
  const all = Object.values(services);
  const used = new Set([
    ...all.flatMap((s) => (s.volumes ?? []).map((v) => `volume ${mountOf(v).source}`)),
    ...all.flatMap((s) => networksOf(s).map(([n]) => `network ${n}`)),
    ...all.flatMap((s) => (s.configs ?? []).map((c) => `config ${c.source}`)),
    ...all.flatMap((s) => (s.secrets ?? []).map((c) => `secret ${typeof c === 'string' ? c : c.source}`)),
  ]);
  const defined = Object.entries({ volume: volumes, network: networks, config: configs, secret: secrets }).flatMap(([kind, named]) =>
    Object.keys(named).map((name) => `${kind} ${name}`),
  );
  return defined.filter((one) => !used.has(one)).map((one) => `${one} is used by nobody`);
}

function duplicates({ services }: Compose): readonly string[] {
  const taken = new Map<string, string>();
  return Object.entries(services).flatMap(([name, service]) => {
    const published = (service.ports ?? []).map((port) => `port ${port.split(':').slice(0, -1).join(':')}`);
    const addresses = networksOf(service).flatMap(([, { ipv4_address }]) =>
      ipv4_address === undefined ? [] : [`address ${ipv4_address}`],
    );
    // Two that write one volume would write over each other; the first fills what others only read.
    const written = (service.volumes ?? []).map(mountOf).filter(({ readOnly }) => !readOnly).map(({ source }) => `volume ${source}`); // prettier-ignore
    return [...published, ...addresses, ...written].flatMap((one) => {
      const first = taken.get(one);
      taken.set(one, first ?? name);
      return first === undefined ? [] : [`${one} is taken by ${first} and by ${name}`];
    });
  });
}

function cycles({ services }: Compose): readonly string[] {
  const done = new Set<string>();
  const visit = (name: string, path: readonly string[]): readonly string[] => {
    if (path.includes(name)) return [`waits for itself: ${[...path, name].join(' → ')}`];
    if (done.has(name)) return [];
    const found = Object.keys(services[name]?.depends_on ?? {}).flatMap((other) => visit(other, [...path, name]));
    done.add(name);
    return found;
  };
  return Object.keys(services).flatMap((name) => visit(name, []));
}
