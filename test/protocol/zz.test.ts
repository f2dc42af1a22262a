import { test } from 'vitest';
import { simulate } from './simulate.ts';
import { realCode } from './world.ts';
test('x', { timeout: 600000 }, () => {
  const t = performance.now();
  const kinds = new Map<string, number[]>();
  let rev = 0,
    behind = 0,
    sent = 0;
  const n = Number(process.env['SEEDS'] ?? 300);
  const one = process.env['SEED'];
  const log: string[] = [];
  if (one) {
    const code = {
      ...realCode,
      holdStep: (h: any, i: any, t: number) => {
        const e = realCode.holdStep(h, i, t);
        const what =
          i.kind === 'message'
            ? (() => {
                const m = JSON.parse(Buffer.from(i.payload).toString());
                return `${i.channel} e${m.epoch} r${m.revision} b${m.base} ${String(m.hash).slice(0, 4)} n${String(m.nonce).slice(0, 4)}`;
              })()
            : JSON.stringify(i);
        if (i.kind !== 'tick' || e.length)
          log.push(
            `${h.options.target} b${h.options.instance.boot} ${t.toFixed(1)} ${what} => ` +
              e
                .map((x: any) =>
                  x.kind === 'save'
                    ? `save r${x.file.held?.revision} f${x.file.fence} ${x.file.held?.hash.slice(0, 4)} taken ${x.file.held?.taken} older ${x.file.older.map((o: any) => o.revision)}`
                    : x.kind === 'apply'
                      ? `apply r${x.revision} #${x.table.length}`
                      : x.kind === 'send'
                        ? `${x.channel} ${JSON.parse(Buffer.from(x.payload).toString()).result ?? ''}`
                        : x.kind === 'report'
                          ? `report ${x.reason} ${x.what}`
                          : x.kind,
                )
                .join(' | '),
          );
        return e;
      },
      leadStep: (h: any, i: any, t: any) => {
        const e = realCode.leadStep(h, i, t);
        if (i.kind !== 'tick' && i.kind !== 'ack')
          log.push(
            `LEAD ${(t.wallMs - 1.7e12).toFixed(1)} ${i.kind} ${i.epoch ?? ''}=> ` +
              e
                .map((x: any) =>
                  x.kind === 'commit'
                    ? `commit ${x.rows.map((r: any) => r.target + ':' + r.revision + ':' + r.hash.slice(0, 4))}`
                    : x.kind === 'send'
                      ? `send ${x.channel} ${x.target}`
                      : x.kind,
                )
                .join(' | '),
          );
        return e;
      },
    };
    const o = simulate(Number(one), code);
    console.log(o, log.slice(-Number(process.env['TAIL'] ?? 60)).join('\n'));
    return;
  }
  for (let s = 1; s <= n; s++) {
    const o = simulate(s, realCode);
    rev += o.revisions;
    behind += o.behind ? 1 : 0;
    sent += o.sent;
    if (o.violation) {
      const k = o.violation.replace(/\d+/g, '#');
      kinds.set(k, [...(kinds.get(k) ?? []), s]);
    }
  }
  console.log(n, 'ms', performance.now() - t, 'rev', rev / n, 'behind', behind / n, 'sent', sent / n);
  for (const [k, v] of kinds) console.log(v.length, k, v.slice(0, 5).join(' '));
});
