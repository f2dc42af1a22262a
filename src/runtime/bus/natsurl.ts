import { tokenAuthenticator, usernamePasswordAuthenticator } from '@nats-io/transport-node';
import type { Authenticator } from '@nats-io/transport-node';

export type NatsUrl = {
  readonly servers: string[];
  /** Without credentials. */ readonly address: string;
  readonly tls: boolean;
  readonly authenticator: Authenticator | null;
};

/** Reads NATS_URL; null when it is none. Credentials are those of the first server. */
export function parseNatsUrl(text: string): NatsUrl | null {
  const urls = text.split(',').map((part) => (part.includes('://') ? part.trim() : `nats://${part.trim()}`));
  if (!urls.every((url) => URL.canParse(url) && /^(?:nats|tls):\/\/[^/]/.test(url))) return null;
  const all = urls.map((url) => new URL(url));
  const [first] = all;
  if (first === undefined) return null;
  const servers = all.map((url) => `${url.hostname}:${url.port || '4222'}`);
  // One that asks for TLS asks for all of them: the client follows to any.
  const tls = all.some((url) => url.protocol === 'tls:');
  const [user, secret] = [decodeURIComponent(first.username), decodeURIComponent(first.password)];
  const authenticator = user === '' ? null : secret === '' ? tokenAuthenticator(user) : usernamePasswordAuthenticator(user, secret);
  return { servers, address: servers.map((server) => `${first.protocol}//${server}`).join(','), tls, authenticator };
}
