/**
 * The WebAssembly boundary under hostile calls. An input is a small script, one line each, so that it shrinks like a text:
 * `plan N` makes a random network, `spoil N` puts something wrong somewhere into it, `grow N` makes something of it huge,
 * `load` loads it, `call N` calls the engine with good, bad or mad arguments. N is the seed of what the line does.
 */
import { createEngine, type Engine, EngineError, type Network, type Packet, plainPacket } from '@podwire/engine';
import { addNftTables, addRulesets, makePlan, type Random, random } from '@podwire/engine/reference';
import type { Target } from './trial.ts';

const NAN = Number.NaN;
const WRONG: readonly unknown[] = [
  undefined,
  null,
  NAN,
  -1,
  0,
  1.5,
  255,
  256,
  65536,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  Number.NEGATIVE_INFINITY,
  '',
  'x',
  'nobody',
  'x'.repeat(1024),
  '\u0000',
  '\ud800',
  '0.0.0.0/0',
  '10.0.0.1/33',
  '::/0',
  '255.255.255.255',
  true,
  [],
  {},
  ['x'],
  10n,
  '__proto__',
];

type Tree = Record<string, unknown>;
const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null;

/** Somewhere inside: the holder and the key. */
function somewhere(r: Random, root: Tree): { holder: Tree; key: string } | undefined {
  let holder = root;
  for (let depth = 0; depth < 12; depth++) {
    const keys = Object.keys(holder);
    if (keys.length === 0) return undefined;
    const key = r.pick(keys);
    const value = holder[key];
    if (!isTree(value) || Object.keys(value).length === 0 || (depth > 2 && r.chance(1, 6))) return { holder, key };
    holder = value;
  }
  return undefined;
}

/** Another value of the same key, from elsewhere: names of links where names of chains stand, circles. */
function spoil(r: Random, network: Tree): string {
  const found = somewhere(r, network);
  if (!found) return 'nothing left';
  const { holder, key } = found;
  const other = somewhere(r, network);
  if (r.chance(1, 4) && other) holder[key] = other.holder[other.key];
  else if (r.chance(1, 8)) delete holder[key];
  else if (r.chance(1, 12)) holder[key] = holder;
  else holder[key] = r.pick(WRONG);
  return `${key} := ${shown(holder[key])}`;
}

/** Values inside of values may be circles. */
function shown(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  return isTree(value) ? `{${Object.keys(value).slice(0, 5).join()}}` : String(JSON.stringify(value)).slice(0, 60);
}

const list = (holder: Tree, key: string): unknown[] => {
  const value = holder[key];
  if (Array.isArray(value)) return value;
  const made: unknown[] = [];
  holder[key] = made;
  return made;
};

const firstTree = (values: unknown): Tree | undefined => (Array.isArray(values) ? values.find(isTree) : undefined);

/** Makes something of the network large, deep or circular. */
function grow(r: Random, network: Tree): string {
  const netnses = list(network, 'netnses').filter(isTree);
  if (netnses.length === 0) return 'no namespace';
  const netns = r.pick(netnses);
  const tables = list(netns, 'netfilter');
  const accept = { body: [{ kind: 'saddr', prefix: '10.0.0.0/8' }, { kind: 'accept' }] };
  const hook = { hook: 2, priority: 0, type: 'filter', policy: 'accept' };
  const makers: Record<string, () => void> = {
    'many rules': () => {
      const rules = Array.from({ length: 100_000 }, () => accept);
      tables.push({ family: 'ip', name: 'filter', chains: [{ name: 'FORWARD', hook, rules }] });
    },
    'a circle of chains': () => {
      const size = r.pick([1, 2, 1000]);
      const chains = Array.from({ length: size }, (_, i) => ({
        name: `c${i}`,
        rules: [{ body: [{ kind: r.pick(['jump', 'goto']), chain: `c${(i + 1) % size}` }] }],
      }));
      const entry = { name: 'FORWARD', hook, rules: [{ body: [{ kind: 'jump', chain: 'c0' }] }] };
      tables.push({ family: 'ip', name: 'filter', chains: [entry, ...chains] });
    },
    'a tower of chains': () => {
      const size = r.pick([15, 17, 300, 20_000]);
      const chains = Array.from({ length: size }, (_, i) => ({
        name: `c${i}`,
        rules: i + 1 < size ? [{ body: [{ kind: 'jump', chain: `c${i + 1}` }] }] : [],
      }));
      tables.push({
        family: 'ip',
        name: 'filter',
        chains: [{ name: 'FORWARD', hook, rules: [{ body: [{ kind: 'jump', chain: 'c0' }] }] }, ...chains],
      });
    },
    'layers of tables': () => {
      let base: Tree = { family: 'ip', name: 'filter', chains: [{ name: 'FORWARD', hook, rules: [accept] }] };
      for (let i = r.pick([3, 100, 5000]); i > 0; i--)
        base = { family: 'ip', name: 'filter', base, chains: [{ name: `c${i}`, rules: [] }] };
      tables.push(base);
    },
    'a table that is its own base': () => {
      const table: Tree = { family: 'ip', name: 'filter', chains: [] };
      table.base = table;
      tables.push(table);
    },
    'layers of routes': () => {
      let base: Tree = { id: 254, routes: [] };
      for (let i = r.pick([3, 100, 5000]); i > 0; i--) base = { id: 254, base, routes: [] };
      list(netns, 'tables').push(base);
    },
    'a large set': () => {
      const entries = Array.from({ length: 100_000 }, (_, i) => ({
        value: `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`,
      }));
      list(netns, 'sets').push({ name: 'large', type: 'hash:ip', entries });
    },
    'many routes': () => {
      const routes = Array.from({ length: 100_000 }, (_, i) => ({
        family: 4,
        type: 'unicast',
        destination: `11.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}/32`,
        nexthops: [{ dev: 'lo' }],
      }));
      list(netns, 'tables').push({ id: r.pick([254, 7]), routes });
    },
    'everything twice': () => {
      for (const key of Object.keys(netns))
        if (Array.isArray(netns[key])) netns[key] = [...list(netns, key), ...list(netns, key)];
    },
    'the same namespaces again': () =>
      list(network, 'netnses').push(...netnses.map((one) => ({ ...one, name: `${String(one.name)}'` }))),
    'many links': () => {
      const some = firstTree(netns.links) ?? { kind: 'device' };
      netns.links = [
        ...list(netns, 'links'),
        ...Array.from({ length: 70_000 }, (_, i) => ({ ...some, name: `n${i}` })),
      ];
    },
    'many weights': () => {
      const nexthops = Array.from({ length: r.pick([300, 70_000]) }, () => ({
        dev: 'lo',
        weight: r.pick([0, 1, 256, 2 ** 31]),
      }));
      list(netns, 'tables').push({
        id: 254,
        routes: [{ family: 4, type: 'unicast', destination: '0.0.0.0/0', nexthops }],
      });
    },
  };
  const name = r.pick(Object.keys(makers));
  makers[name]?.();
  return name;
}

function makeNetwork(seed: number): Tree {
  const r = random(seed);
  const plan = makePlan(r);
  addRulesets(r, plan);
  if (r.chance(1, 2)) addNftTables(r, plan);
  // A copy of its own: what is spoilt must not be shared with what comes next.
  return structuredClone({ netnses: plan.netnses }) as unknown as Tree;
}

const GOOD = plainPacket({
  protocol: 6,
  saddr: '10.0.0.1',
  daddr: '10.244.1.2',
  sport: 40000,
  dport: 80,
  dontFragment: false,
});

function addressesIn(network: Tree, family: number): string[] {
  const all = list(network, 'netnses')
    .filter(isTree)
    .flatMap((netns) => (Array.isArray(netns.addresses) ? netns.addresses : []));
  const texts = all.filter(isTree).map(({ address }) => String(address).split('/')[0] ?? '');
  const own = texts.filter((text) => text.includes(':') === (family === 6));
  return own.length > 0 ? own : [family === 6 ? '::1' : '127.0.0.1'];
}

function packetFor(r: Random, network: Tree): Packet {
  const family = r.pick([4, 6] as const);
  const own = addressesIn(network, family);
  const packet: Tree = {
    ...GOOD,
    family,
    saddr: r.chance(1, 4) ? '' : r.pick(own),
    daddr: r.pick(own),
    protocol: r.pick([1, 6, 17, 58, 132, 47, 4]),
    ttl: r.pick([0, 1, 64]),
  };
  if (r.chance(1, 8)) packet.inner = { ...packet };
  for (let wrong = r.below(3); wrong > 0; wrong--) packet[r.pick(Object.keys(packet))] = r.pick(WRONG);
  return packet as unknown as Packet;
}

/** Calls the engine; documented refusals are part of its manners. Returns what was called. */
function call(r: Random, engine: Engine, network: Tree): string {
  const netnses = list(network, 'netnses').filter(isTree);
  const names = [...netnses.map(({ name }) => name as string), 'nobody', '', undefined as unknown as string];
  const netns = r.pick(names);
  const links = netnses.flatMap((one) => (Array.isArray(one.links) ? one.links : [])).filter(isTree);
  const calls: Record<string, () => unknown> = {
    send: () => {
      const link = r.pick([...links.map(({ name }) => name as string), 'lo', 'nobody', '']);
      return engine.send(netns, packetFor(r, network), r.chance(1, 2) ? { link } : {});
    },
    answer: () => engine.answer(),
    script: () =>
      engine.script(r.pick([[], [0, 1, 0], [7], [-1, NAN, 2 ** 32], Array.from({ length: 100_000 }, () => 0), [1.5]])),
    choices: () => engine.choices(),
    advance: () => engine.advance(r.pick([0, 1, -1, NAN, Infinity, 2 ** 53, 1e308, 0.5])),
    nth: () => engine.nth(r.pick(['count', 'choice', 'x' as 'count'])),
    conntrack: () => engine.conntrack(netns),
    flush: () => engine.flush(r.chance(1, 2) ? netns : undefined),
    reset: () => engine.reset(),
  };
  // Packets are what it is for.
  const name = r.chance(1, 2) ? 'send' : r.pick(Object.keys(calls));
  calls[name]?.();
  return name;
}

/** What a good network answers: compared after every script. */
function witness(engine: Engine): string {
  engine.load(makeNetwork(1) as unknown as Network);
  // Which way of counting was chosen is the caller's own, whatever is loaded.
  engine.nth('count');
  const r = random(2);
  const network = makeNetwork(1);
  const seen: unknown[] = [];
  for (let i = 0; i < 12; i++) {
    const netnses = list(network, 'netnses').filter(isTree);
    const packet = { ...GOOD, saddr: '', daddr: r.pick(addressesIn(network, 4)) };
    const { end, steps } = engine.send(String(r.pick(netnses).name), packet);
    seen.push([steps.length, end.disposition, end.reason, end.packet]);
    if (end.answers) seen.push(engine.answer()?.end.disposition);
  }
  return JSON.stringify(seen);
}

class Boundary {
  #engine: Engine | undefined;
  #good = '';

  async run(script: string): Promise<unknown> {
    this.#engine ??= await createEngine();
    this.#good ||= witness(this.#engine);
    try {
      const log = this.#play(this.#engine, script);
      if (witness(this.#engine) !== this.#good)
        throw new Error(`a good network answers otherwise after ${log.join('; ')}`);
      return log;
    } catch (error) {
      // Nothing of it is trusted any more.
      this.#engine = undefined;
      throw error;
    }
  }

  #play(engine: Engine, script: string): string[] {
    const log: string[] = [];
    let network: Tree = { netnses: [] };
    const acts: Record<string, (r: Random, seed: number) => string | undefined> = {
      plan: (_r, seed) => {
        network = makeNetwork(seed);
        return undefined;
      },
      spoil: (r) => spoil(r, network),
      grow: (r) => grow(r, network),
      load: () => {
        engine.load(network as unknown as Network);
        return undefined;
      },
      call: (r) => call(r, engine, network),
    };
    for (const line of script.split('\n')) {
      const [word = '', seed = '0'] = line.split(' ');
      const act = acts[word];
      if (!act) continue;
      try {
        log.push([line, act(random(Number(seed)), Number(seed))].filter((part) => part !== undefined).join(' '));
      } catch (error) {
        // Also where the call named its reason badly, what was done before is worth telling.
        if (!(error instanceof EngineError)) throw told(error, [...log, line]);
        if (error.code === 'BROKEN') throw told(error, [...log, line]);
        log.push(`${line} ${error.code}`);
      }
    }
    return log;
  }
}

function told(error: unknown, log: readonly string[]): Error {
  if (!(error instanceof Error)) return new Error(`${String(error)} was thrown`);
  error.message = `${error.message} [${log.join('; ').slice(-300)}]`;
  return error;
}

function generate(r: Random): string {
  const seed = () => r.below(2 ** 31);
  const lines = [`plan ${seed()}`];
  for (let wrong = r.below(5); wrong > 0; wrong--) lines.push(`spoil ${seed()}`);
  if (r.chance(1, 25)) lines.push(`grow ${seed()}`);
  if (!r.chance(1, 30)) lines.push('load');
  for (let calls = 2 + r.below(20); calls > 0; calls--) lines.push(`call ${seed()}`);
  return lines.join('\n');
}

const boundary = new Boundary();

export const wasm: Target = { name: 'wasm', seeds: [], generate, run: (script) => boundary.run(script) };
