import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** node:crypto reads certificates and makes none: the openssl command does. */
export const noOpenssl = (): string | null =>
  spawnSync('openssl', ['version']).status === 0 ? null : 'no openssl command on this machine to make certificates with';

export type Pair = { readonly cert: string; readonly key: string };
export type Authority = Pair & {
  /** A certificate of it: names and addresses as openssl spells them, e.g. "IP:127.0.0.1". */ readonly issue: (
    name: string,
    alt: string,
  ) => Pair;
};

/** A folder of authorities and certificates that live for a day; `remove` takes it away. */
export function makeCertificates(): {
  readonly folder: string;
  readonly authority: (name: string) => Authority;
  readonly remove: () => void;
} {
  const folder = mkdtempSync(join(tmpdir(), 'flyball-tls-'));
  const at = (name: string): string => join(folder, name);
  const openssl = (...args: readonly string[]): void => {
    const run = spawnSync('openssl', args, { encoding: 'utf8' });
    if (run.status !== 0) throw new Error(`openssl ${args[0] ?? ''}: ${run.stderr}`);
  };
  const keyOf = (name: string): string => {
    openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', at(`${name}.key`));
    chmodSync(at(`${name}.key`), 0o600);
    return at(`${name}.key`);
  };
  return {
    folder,
    authority: (name) => {
      const [key, cert] = [keyOf(name), at(`${name}.pem`)];
      openssl('req', '-x509', '-new', '-key', key, '-days', '1', '-subj', `/CN=${name}`, '-addext', 'basicConstraints=critical,CA:TRUE', '-out', cert); // prettier-ignore
      return {
        cert,
        key,
        issue: (leaf, alt) => {
          const own = keyOf(leaf);
          const [request, extra, made] = [at(`${leaf}.csr`), at(`${leaf}.ext`), at(`${leaf}.pem`)];
          writeFileSync(extra, `subjectAltName=${alt}\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=CA:FALSE\n`);
          openssl('req', '-new', '-key', own, '-subj', `/CN=${leaf}`, '-out', request);
          openssl(
            'x509',
            '-req',
            '-in',
            request,
            '-CA',
            cert,
            '-CAkey',
            key,
            '-CAcreateserial',
            '-days',
            '1',
            '-extfile',
            extra,
            '-out',
            made,
          );
          return { cert: made, key: own };
        },
      };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
