import { expect, test } from 'vitest';
import type { Bus, BusMessage } from '../ports/bus.ts';
import { silenceable } from './silence.ts';

test('a target that is silenced reports nothing, and speaks all the same', () => {
  const sent: string[] = [];
  const bus = { publish: ({ subject }: BusMessage) => void sent.push(subject) } as Bus;
  const quiet = silenceable(bus, 't');
  const speak = (): void => {
    for (const subject of ['flyball.v1.record.t', 'flyball.v1.record.other', 'flyball.v1.ack.t', 'flyball.v1.announce.t']) {
      quiet.bus.publish({ subject, payload: new Uint8Array(), headers: {} });
    }
  };
  speak();
  quiet.setTelemetry(false);
  speak();
  quiet.setTelemetry(true);
  speak();
  const all = ['flyball.v1.record.t', 'flyball.v1.record.other', 'flyball.v1.ack.t', 'flyball.v1.announce.t'];
  expect(sent).toEqual([...all, ...all.slice(1), ...all]);
});
