import { createBatchReader, readBatch } from '../../../dist/src/core/decide/batches.js';
import { readLine } from '../../../dist/src/core/decide/judge.js';
import { createNames } from '../../../dist/src/model/names.js';
import { baseNs, objectsOf, recordsOf } from './forms.js';
import { compileRule } from '../../../dist/src/core/rule/compile.js';
import { readRule } from '../../../dist/src/core/rule/read.js';
import { ruleText, services } from './world.js';

/** Records in a batch: about as many as a busy source sends at once. */
const batchSize = 2_048;
const tickNs = 1_000;

/** Ways to give the engine its input, each made of the events before anything is timed. */
export const feeds = {
  /** Records of the model, one by one. */
  records: (events) => {
    const records = recordsOf(events);
    return {
      n: events.n,
      run: (judge, take) => {
        for (const record of records) take(readLine(judge, record));
      },
    };
  },
  /** What the peers get; columns are made of them as they are read. */
  objects: (events) => {
    const objects = objectsOf(events);
    return { n: events.n, run: (judge, take) => runObjects(objects, judge, take) };
  },
  /** Columns, as a decoder writes them. */
  columns: (events) => {
    const batches = batchesOf(events);
    return {
      n: events.n,
      run: (judge, take) => {
        const feed = createBatchReader(judge);
        for (const batch of batches) take(readBatch(feed, batch));
      },
    };
  },
};

function runObjects(objects, judge, take) {
  const feed = createBatchReader(judge);
  const [sources, destinations] = [createNames(), createNames()];
  const ticks = new Uint32Array(batchSize);
  const latencies = new Uint32Array(batchSize);
  const from = new Uint16Array(batchSize);
  const to = new Uint16Array(batchSize);
  const failed = new Uint8Array(batchSize);
  const columns = columnsOf({ from, to, failed, latencies, names: [sources.names(), destinations.names()] });
  for (let start = 0; start < objects.length; start += batchSize) {
    const size = Math.min(batchSize, objects.length - start);
    for (let i = 0; i < size; i++) {
      const object = objects[start + i];
      ticks[i] = object.time;
      from[i] = sources.code(object.source);
      to[i] = destinations.code(object.destination);
      failed[i] = object.status === 0 ? 0 : 1;
      latencies[i] = object.latency;
    }
    take(readBatch(feed, { stream: 'rpc', size, baseNs, tickNs, ticks, columns }));
  }
}

function batchesOf({ n, time, source, destination, status, latency }) {
  const names = services.map(({ name }) => name);
  const failed = Uint8Array.from(status, (code) => (code === 0 ? 0 : 1));
  return Array.from({ length: Math.ceil(n / batchSize) }, (_, b) => {
    const [start, end] = [b * batchSize, Math.min(n, (b + 1) * batchSize)];
    const cut = (values) => values.subarray(start, end);
    const columns = columnsOf({
      from: cut(source),
      to: cut(destination),
      failed: cut(failed),
      latencies: cut(latency),
      names: [names, names],
    });
    return { stream: 'rpc', size: end - start, baseNs, tickNs, ticks: cut(time), columns };
  });
}

export const columnsOf = ({ from, to, failed, latencies, names: [sources, destinations] }) =>
  new Map([
    ['source.service', { kind: 'text', codes: from, names: sources, present: null }],
    ['destination.service', { kind: 'text', codes: to, names: destinations, present: null }],
    ['response.failed', { kind: 'bool', values: failed, present: null }],
    ['response.duration', { kind: 'number', values: latencies, unitNs: tickNs, present: null }],
  ]);

export const compiledRule = (rule, options) =>
  valueOf(compileRule(valueOf(readRule(ruleText(rule, options), `rules/r${rule.id}/rule.yaml`)), 1, ''));

function valueOf(result) {
  if (!result.ok) throw new Error(JSON.stringify(result.problem));
  return result.value;
}
