/** What the loop benchmark is about: services that call each other, and 1,000 rules over them. The same at every seed. */
const teams = ['pay', 'cart', 'auth', 'feed', 'search'];
const tiers = ['gold', 'silver', 'bronze'];
const serviceCount = 40;
export const pairCount = 200;
/** Seconds of stream time. */
export const span = 60;
export const window = 10;
/** For how many seconds a condition must have held. */
export const patience = 3;
export const ruleCount = 1_000;

export const services = Array.from({ length: serviceCount }, (_, i) => ({
  name: `${teams[i % teams.length]}-${Math.floor(i / teams.length)}`,
  tier: tiers[i % tiers.length],
}));

/** Who calls whom, the most frequent first. */
export const pairs = Array.from({ length: pairCount }, (_, k) => {
  const destination = k % serviceCount;
  return { destination, source: (destination + 1 + 7 * Math.floor(k / serviceCount)) % serviceCount };
});

/** What goes wrong, and when (in s): one pair fails, one becomes slow, one floods. */
export const incidents = {
  failing: { pair: 3, from: 20, to: 32, share: 0.3 },
  slow: { pair: 10, from: 25, to: 40, times: 6 },
  flood: { pair: 25, from: 35, to: 47, share: 0.1 },
};

const kinds = ['errors', 'p99', 'rate'];

/** Rule `id`: which destinations it looks at, and the greatest value of an aggregate that is still well (a share, µs, requests a second). */
export function ruleAt(id) {
  const turn = Math.floor(id / 9);
  const kind = kinds[Math.floor(id / 3) % 3];
  const most = { errors: (5 + (turn % 10)) / 100, p99: 30_000 + 2_500 * (turn % 16), rate: 500 + 150 * (turn % 25) }[kind];
  return { id, kind, most, ...scopeOf(id % 3, turn) };
}

function scopeOf(by, turn) {
  const named = (test) => services.filter(test).map(({ name }) => name);
  if (by === 0) {
    const { name } = services[(3 + 7 * turn) % serviceCount];
    return { where: `destination.service == "${name}"`, destinations: [name] };
  }
  if (by === 1) {
    const prefix = `${teams[(3 + turn) % teams.length]}-`;
    return { where: `destination.service.startsWith("${prefix}")`, destinations: named(({ name }) => name.startsWith(prefix)) };
  }
  const destinations = named(({ tier }) => tier === tiers[turn % tiers.length]);
  return { where: `destination.service in [${destinations.map((name) => `"${name}"`).join(', ')}]`, destinations };
}

/** The rule as Flyball reads it. */
export function ruleText({ id, kind, most, where }, { every = '1s' } = {}) {
  const when = {
    errors: `ratio(response.failed) > ${most}`,
    p99: `p99(response.duration) > duration("${most}us")`,
    rate: `rate() > ${Number.isInteger(most) ? `${most}.0` : most}`,
  }[kind];
  return [
    `rule: r${id}`,
    'why: measured',
    'owner: bench',
    'over: rpc',
    `where: '${where}'`,
    'by: [source.service, destination.service]',
    `window: ${window}s`,
    `every: ${every}`,
    `for: ${patience}s`,
    `when: '${when}'`,
    'then: []',
    '',
  ].join('\n');
}
