import { mkdirSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { cacheFolder } from '../../../dist/src/runtime/install.js';
import { runBounded } from './process.js';

const sources = join(import.meta.dirname, 'java');
const fetchMsMax = 300_000;
const buildMsMax = 60_000;
/** Flink 1.20 looks into classes of Java's own. */
const opened = ['java.lang', 'java.time', 'java.util'].flatMap((name) => ['--add-opens', `java.base/${name}=ALL-UNNAMED`]);

const peers = [
  { name: 'Esper 8.9', folder: 'esper', main: 'EsperLoop', flags: [] },
  { name: 'Flink 1.20', folder: 'flink', main: 'FlinkLoop', flags: opened },
];

/** The peers that can run here, and why others cannot. Jars are fetched once, by Maven, into the cache. */
export async function preparePeers(say) {
  const missing = await missingTools();
  if (missing.length > 0)
    return { ready: [], left: peers.map(({ name }) => ({ name, why: `no ${missing.join(', no ')} on this machine` })) };
  const ready = [];
  const left = [];
  for (const peer of peers) {
    const why = await prepare(peer, say);
    if (why === null) ready.push({ name: peer.name, command: commandOf(peer) });
    else left.push({ name: peer.name, why });
  }
  return { ready, left };
}

async function missingTools() {
  const missing = [];
  for (const [tool, flag] of [
    ['java', '-version'],
    ['javac', '-version'],
    ['mvn', '--version'],
  ]) {
    // prettier-ignore
    const { code } = await runBounded([tool, flag], { msMax: 20_000 });
    if (code !== 0) missing.push(tool);
  }
  return missing;
}

const place = (...names) => join(cacheFolder(process.env), 'bench-loop', ...names);
const jarsOf = ({ folder }) => place(folder, 'jars');
const classesOf = ({ folder }) => place(folder, 'classes');

/** null, or why it cannot run. */
async function prepare(peer, say) {
  mkdirSync(jarsOf(peer), { recursive: true, mode: 0o700 });
  mkdirSync(classesOf(peer), { recursive: true, mode: 0o700 });
  // A marker is put beside the jars last: half a download is fetched again.
  if (!readdirSync(place(peer.folder)).includes('fetched')) {
    say(`fetching ${peer.name} with mvn (at most ${fetchMsMax / 1_000} s, once)…`);
    const pom = join(sources, peer.folder, 'pom.xml');
    const options = ['-B', '-q', '-f', pom, `-Dmaven.repo.local=${place('maven')}`];
    const copied = await runBounded(['mvn', ...options, 'dependency:copy-dependencies', `-DoutputDirectory=${jarsOf(peer)}`], { msMax: fetchMsMax }); // prettier-ignore
    if (copied.code !== 0) return `mvn could not fetch it: ${copied.why}`;
    mkdirSync(place(peer.folder, 'fetched'));
  }
  const files = ['common', peer.folder].flatMap((folder) =>
    readdirSync(join(sources, folder)).flatMap((name) => (name.endsWith('.java') ? [join(sources, folder, name)] : [])),
  );
  const built = await runBounded(['javac', '-nowarn', '-d', classesOf(peer), '-cp', join(jarsOf(peer), '*'), ...files], { msMax: buildMsMax }); // prettier-ignore
  return built.code === 0 ? null : `javac refused our program: ${built.why}`;
}

const commandOf = (peer) => [
  'java',
  ...peer.flags,
  // As much as either takes at most, given at once; and the collector that lets both run fastest.
  '-XX:+UseParallelGC',
  '-Xms2g',
  '-Xmx3g',
  '-cp',
  [classesOf(peer), join(jarsOf(peer), '*')].join(delimiter),
  peer.main,
];
