import { spawn } from 'node:child_process';
import { commandFile } from '../../src/runtime/package.ts';

export type Ran = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/** One `flyball …` to its end, in the environment of the test with these changes. */
export function flyball(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ran> {
  const child = spawn(process.execPath, [commandFile(), ...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err]: [string[], string[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk.toString('utf8')));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk.toString('utf8')));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout: out.join(''), stderr: err.join('') })));
}
