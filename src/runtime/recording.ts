import { closeSync, openSync, writeSync } from 'node:fs';
import { ok, fail, type Result } from '../model/problem.ts';
import { fileProblem } from './files.ts';
import { systemClock } from './clock.ts';

const flushEveryMs = 100;
/** Text kept between two writes; then it is written at once. */
const bufferCharsMax = 1 << 20;

export type Recording = { readonly write: (text: string) => void; readonly close: () => void };

/** A recording: JSON lines in the order read, appended to a new file (mode 0600), at most 100 ms behind. Errors: E-FILE. */
export function openRecording(path: string): Result<Recording> {
  let file: number;
  try {
    file = openSync(path, 'w', 0o600);
  } catch (error) {
    return fail(fileProblem('cannot write the recording', path, error));
  }
  let buffer: string[] = [];
  let chars = 0;
  const flush = (): void => {
    if (buffer.length === 0) return;
    const bytes = Buffer.from(buffer.join(''), 'utf8');
    buffer = [];
    chars = 0;
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
  };
  const cancel = systemClock().each(flushEveryMs, flush);
  return ok({
    write: (text) => {
      buffer.push(text);
      chars += text.length;
      if (chars > bufferCharsMax) flush();
    },
    close: () => {
      cancel();
      flush();
      closeSync(file);
    },
  });
}
