import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StatusView, TableView } from '../../src/engine/views.ts';
import { callApi } from '../../src/runtime/apiclient.ts';
import { start, until, type Running } from '../scenario/process.ts';

/** The shop with a gray failure, up to the moment at which its entry is enforced. Leases are short, so that a test can see them end. */
export type Incident = {
  readonly running: Running;
  /** Ids in the table of the sidecar. */
  readonly entries: readonly string[];
  /** Of the engine. */
  readonly pid: number;
  readonly sidecar: string;
  readonly status: () => Promise<StatusView | null>;
  readonly entriesNow: () => Promise<readonly string[]>;
  /** Process ids by name, as run.json says. */
  readonly parts: () => Readonly<Record<string, { readonly pid: number }>>;
  readonly end: () => Promise<void>;
};

export async function startIncident(...args: readonly string[]): Promise<Incident> {
  const rules = mkdtempSync(join(tmpdir(), 'flyball-rules-'));
  cpSync('rules', rules, { recursive: true });
  const file = join(rules, 'gray-failure', 'rule.yaml');
  writeFileSync(
    file,
    readFileSync(file, 'utf8')
      .replace(/^keep_firing_for: .*$/m, 'keep_firing_for: 40s')
      .replace(/^lease: .*$/m, 'lease: 15s'),
  );
  const running = start(['up', '--scenario', 'gray-failure', '--rules', rules, ...args]);
  const end = async (): Promise<void> => {
    await running.stop();
    rmSync(rules, { recursive: true, force: true });
  };
  const api = async <T>(path: string): Promise<T | null> => {
    const answer = await callApi({ method: 'GET', path, env: { ...process.env, FLYBALL_HOME: running.home } });
    return answer.ok && answer.value.status === 200 ? (answer.value.body as T) : null;
  };
  const status = () => api<StatusView>('/v1/status');
  const entriesNow = async (): Promise<readonly string[]> =>
    (await api<readonly TableView[]>('/v1/tables'))?.find((t) => t.target === 'shop-checkout')?.entries.map((e) => e.id) ?? [];
  try {
    const target = await until('the entry is enforced', async () => {
      const found = (await status())?.targets.find((t) => t.name === 'shop-checkout');
      return found !== undefined && found.entries > 0 && found.acked === found.revision ? found : null;
    }, 120_000); // prettier-ignore
    const parts = () => JSON.parse(readFileSync(join(running.home, 'run.json'), 'utf8')).parts as Record<string, { pid: number }>;
    return {
      running,
      entries: await entriesNow(),
      pid: (await status())?.pid ?? 0,
      sidecar: target.address ?? '',
      status,
      entriesNow,
      parts,
      end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}
