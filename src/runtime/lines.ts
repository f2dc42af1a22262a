import { createReadStream, statSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';

/** A longer line is cut here: what reads it says that it is no record. */
const lineCharsMax = 1 << 20;
const chunkBytes = 1 << 20;

export type LineBatch = {
  readonly lines: readonly string[];
  readonly bytesRead: number;
  /** null: not known, standard input. */ readonly bytesTotal: number | null;
};

/**
 * Lines of a file, or of standard input for "-", as batches. Only "\n" ends a line: JSON text may hold U+2028. Throws as node:fs does.
 */
export async function* readLines(path: string): AsyncGenerator<LineBatch> {
  const input = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: chunkBytes });
  const bytesTotal = path === '-' ? null : statSync(path).size;
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let bytesRead = 0;
  for await (const chunk of input as AsyncIterable<Buffer>) {
    bytesRead += chunk.length;
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = (lines.pop() ?? '').slice(0, lineCharsMax);
    yield { lines, bytesRead, bytesTotal };
  }
  rest += decoder.end();
  if (rest !== '') yield { lines: [rest], bytesRead, bytesTotal };
}
