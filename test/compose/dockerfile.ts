/** What is wrong with a Dockerfile, one line each: our own short list, each for a reason. */
export function dockerfileFaults(text: string): readonly string[] {
  const lines = text.replaceAll(/\\\n\s*/g, ' ').split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#')); // prettier-ignore
  const words = lines.map((line) => [line.split(/\s+/, 1)[0]?.toUpperCase() ?? '', line.replace(/^\S+\s+/, '')] as const);
  const of = (name: string): readonly string[] => words.flatMap(([word, rest]) => (word === name ? [rest] : []));
  const stages = of('FROM').flatMap((rest) => / AS (\S+)$/i.exec(rest)?.[1] ?? []);
  const found: string[] = [];
  for (const rest of of('FROM')) {
    const image = rest.split(' ')[0] ?? '';
    if (!stages.includes(image) && !/:\d+\.\d+(?:\.\d+)?[\w.-]*$/.test(image)) found.push(`${image} is not pinned to a version`);
  }
  if (of('FROM').length < 2) found.push('one stage: compilers and sources end up in the image');
  for (const rest of of('ADD')) found.push(`ADD ${rest}: COPY does only what it says, and no address is trusted`);
  for (const rest of of('RUN')) {
    if (/\bcurl\b|\bwget\b/.test(rest)) found.push(`RUN fetches what nobody pinned: ${rest}`);
    if (/\bnpm (?:install|i)\b/.test(rest)) found.push(`npm ci keeps to the lock: ${rest}`);
    if (/\bnpm ci\b/.test(rest) && !rest.includes('--ignore-scripts')) found.push(`scripts of packages run as root: ${rest}`);
  }
  for (const rest of of('COPY')) if (/^\.\s|\s\.\s+\S/.test(rest)) found.push(`COPY ${rest}: name what is copied`);
  for (const rest of [...of('ENV'), ...of('ARG'), ...of('COPY')])
    if (/passw|secret|token|credential|\.key\b|\.seed\b|\.env\b/i.test(rest)) found.push(`a secret in a layer stays there: ${rest}`);
  const last = words.slice(words.findLastIndex(([word]) => word === 'FROM'));
  const users = last.flatMap(([word, rest]) => (word === 'USER' ? [rest] : []));
  if (!/^[1-9]\d*(?::[1-9]\d*)?$/.test(users.at(-1) ?? '')) found.push(`runs as ${users.at(-1) ?? 'root'}: a number above 0 is wanted`);
  const modules = last.some(([word, rest]) => word === 'COPY' && rest.includes('node_modules'));
  const slim = of('RUN').some((rest) => /npm ci\b/.test(rest) && rest.includes('--omit=dev'));
  if (modules && !slim) found.push('development packages are in the image: npm ci --omit=dev');
  if (last.some(([word, rest]) => word === 'RUN' && rest.includes('npm '))) found.push('the last stage installs packages: do that in an earlier one'); // prettier-ignore
  return found;
}
