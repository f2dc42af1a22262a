import { spawn } from 'node:child_process';

const tailMax = 400;

/** Runs a program to its end and gives its exit code, its output, and the last it said when it failed. After `msMax` it is ended, with what it started. */
export function runBounded([command, ...args], { msMax, tell = () => undefined, env = {} }) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env: { ...process.env, ...env } });
  let out = '';
  let tail = '';
  let isLate = false;
  child.stdout.setEncoding('utf8').on('data', (text) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text) => {
    tail = (tail + text).slice(-tailMax);
    tell(text);
  });
  const timer = setTimeout(() => {
    isLate = true;
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }, msMax);
  return new Promise((resolve) => {
    const end = (code, why) => {
      clearTimeout(timer);
      resolve({ code, out, why });
    };
    child.once('error', ({ message }) => end(-1, message));
    child.once('close', (code) => end(code, isLate ? `not done after ${Math.round(msMax / 1_000)} s` : tail.trim()));
  });
}
