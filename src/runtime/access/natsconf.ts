import { permissionsOf, userNameOf } from './permissions.ts';
import type { KnownUser } from './users.ts';

/** How long a connection may take to say who it is, in seconds. */
const authSeconds = 2;

/** The users and what each may do, as nats-server reads it: `include` this in its configuration. Public keys only. */
export function usersConfiguration(users: readonly KnownUser[]): string {
  const blocks = users.map(({ user, key }) => {
    const { publish, subscribe } = permissionsOf(user);
    return [
      `    # ${userNameOf(user)}`,
      `    { nkey: ${key}`,
      '      permissions: {',
      `        publish: { allow: ${JSON.stringify(publish)} }`,
      `        subscribe: { allow: ${JSON.stringify(subscribe)} } } }`,
    ].join('\n');
  });
  return `# Written by flyball auth. Who is not here cannot connect.\nauthorization {\n  timeout: ${authSeconds}\n  users: [\n${blocks.join('\n')}\n  ]\n}\n`;
}

export type ServerTls = {
  readonly cert: string;
  readonly key: string;
  /** Clients must show a certificate of this CA. */ readonly clientCa: string | null;
};

/** What stands around the users: bounds, where it listens, JetStream (a cache, protocol.md section 7), TLS. */
export function serverConfiguration(server: {
  readonly name: string;
  readonly listen: string;
  /** Relative to the folder of the configuration: nats-server puts that folder before any path. */
  readonly usersFile: string;
  readonly log: string | null;
  readonly jetstream: string | null;
  readonly tls: ServerTls | null;
}): string {
  const { name, listen, usersFile, log, jetstream, tls } = server;
  return [
    `server_name: ${JSON.stringify(name)}`,
    `listen: ${JSON.stringify(listen)}`,
    'max_payload: 1048576',
    'max_connections: 1024',
    'write_deadline: "5s"',
    ...(log === null ? [] : [`log_file: ${JSON.stringify(log)}`, 'logfile_size_limit: 10485760', 'logfile_max_num: 2']),
    ...(jetstream === null
      ? []
      : [`jetstream { store_dir: ${JSON.stringify(jetstream)}, max_memory_store: ${memoryStoreMax}, max_file_store: ${fileStoreMax} }`]),
    ...(tls === null ? [] : [tlsBlock(tls)]),
    `include ${JSON.stringify(usersFile)}`,
    '',
  ].join('\n');
}

/** Bytes. Room for both streams (protocol.md section 7); a full one keeps nothing more, and nothing depends on it. */
const memoryStoreMax = 16 * 1024 * 1024;
const fileStoreMax = 2_304 * 1024 * 1024;

function tlsBlock({ cert, key, clientCa }: ServerTls): string {
  const client = clientCa === null ? '' : `, ca_file: ${JSON.stringify(clientCa)}, verify: true`;
  return `tls { cert_file: ${JSON.stringify(cert)}, key_file: ${JSON.stringify(key)}${client}, timeout: 2 }`;
}
