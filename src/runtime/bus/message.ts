import type { BusMessage } from '../../ports/bus.ts';
import { subjectOk } from './subject.ts';

/** protocol.md section 2. */
export const payloadBytesMax = 512 * 1024;
const headersMax = 16;
const headerCharsMax = 1_024;
/** As NATS and HTTP have them: a name of visible ASCII without a colon, a value that does not begin or end with a space. */
const headerName = /^[!-9;-~]+$/;
const headerValue = /^(?:[!-~](?:[ -~]*[!-~])?)?$/;

/**
 * Whether a message may go out. Asked before anything is written: a space in a subject or a line end in a header would be another
 * command on NATS's wire.
 */
export function sendable({ subject, payload, headers }: BusMessage): boolean {
  const all = Object.entries(headers);
  return (
    subjectOk(subject) &&
    payload.byteLength <= payloadBytesMax &&
    all.length <= headersMax &&
    all.every(([name, value]) => name.length + value.length <= headerCharsMax && headerName.test(name) && headerValue.test(value))
  );
}
