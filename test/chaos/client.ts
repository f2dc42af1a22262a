import { Agent, request } from 'node:http';

/** What one request through a sidecar came to; status 0: no answer. */
export type Answer = { readonly status: number; readonly applied: readonly string[] };

const agent = new Agent({ keepAlive: true, maxSockets: 8 });

export function get(url: string, path: string): Promise<Answer> {
  return new Promise((resolve) => {
    const sent = request(new URL(path, url), { agent, headers: { 'x-flyball-debug': '1' }, timeout: 20_000 }, (response) => {
      response.resume();
      response.once('end', () => resolve({ status: response.statusCode ?? 0, applied: String(response.headers['x-flyball-applied'] ?? '').split(',').filter((t) => t !== '') })); // prettier-ignore
    });
    sent.once('timeout', () => sent.destroy());
    sent.once('error', () => resolve({ status: 0, applied: [] }));
    sent.end();
  });
}

/** A request each `everyMs` until stopped; how many, and how many failed. */
export function poll(
  url: string,
  path: string,
  everyMs: number,
): { readonly stop: () => Promise<{ readonly sent: number; readonly failed: number }> } {
  const answers: Promise<Answer>[] = [];
  const timer = setInterval(() => answers.push(get(url, path)), everyMs);
  return {
    stop: async () => {
      clearInterval(timer);
      const all = await Promise.all(answers);
      return { sent: all.length, failed: all.filter((a) => a.status === 0 || a.status >= 500).length };
    },
  };
}
