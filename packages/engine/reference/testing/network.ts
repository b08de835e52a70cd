/** Short forms for networks and packets in tests. */
import {
  type Address,
  type BaseHook,
  type Chain,
  type Family,
  Hook,
  type Link,
  type Netns,
  type Network,
  type Packet,
  Protocol,
  plainPacket,
  type Route,
  type Rule,
  type Statement,
  type Table,
} from '../../src/index.ts';

/** `10.0.0.0/24 dev eth0`, `default via 10.0.0.1 dev eth0`, `blackhole 10.9.0.0/16`, with `src` and `metric`. */
export function route(text: string, family: Family = text.includes(':') ? 6 : 4): Route {
  const words = text.split(/\s+/);
  const types: Route['type'][] = ['blackhole', 'unreachable', 'prohibit', 'throw', 'local', 'broadcast'];
  const type = types.find((t) => t === words[0]) ?? 'unicast';
  if (type !== 'unicast') words.shift();
  const to = words.shift() as string;
  const any = family === 4 ? '0.0.0.0/0' : '::/0';
  const max = family === 4 ? 32 : 128;
  const value = (key: string) => (words.includes(key) ? words[words.indexOf(key) + 1] : undefined);
  const dev = value('dev');
  const via = value('via');
  const src = value('src');
  const metric = value('metric');
  return {
    family,
    type,
    destination: to === 'default' ? any : to.includes('/') ? to : `${to}/${max}`,
    nexthops: dev === undefined ? [] : [{ dev, ...(via === undefined ? {} : { via }) }],
    ...(src === undefined ? {} : { prefsrc: src }),
    ...(metric === undefined ? {} : { metric: Number(metric) }),
  };
}

export interface Brief {
  links?: Link[];
  /** `eth0 10.0.0.1/24`. */
  addresses?: string[];
  routes?: string[];
  sysctls?: Record<string, number>;
  netfilter?: Table[];
  rest?: Partial<Netns>;
}

/** Connected routes are added for every address, as the kernel does. */
export function netns(
  name: string,
  { links = [], addresses = [], routes = [], sysctls = {}, netfilter = [], rest = {} }: Brief,
): Netns {
  const parsed: Address[] = addresses.map((text) => {
    const [link, address] = text.split(' ') as [string, string];
    return { link, address };
  });
  const connected = parsed.flatMap(({ link, address }) => {
    const [ip, length] = address.split('/') as [string, string];
    if (link === 'lo' || length === '32' || length === '128') return [];
    return [route(`${ip}/${length} dev ${link} ${ip.includes(':') ? 'metric 256' : `src ${ip}`}`)];
  });
  const all = [...connected, ...routes.map((text) => route(text))];
  return { name, links, addresses: parsed, tables: [{ id: 254, routes: all }], sysctls, netfilter, ...rest };
}

/** Both ends of a veth pair. */
export function veth(
  a: [netns: string, link: string, more?: Partial<Link>],
  b: [netns: string, link: string, more?: Partial<Link>],
): [Link, Link] {
  const end = ([, name, more]: typeof a, [peerNetns, peerLink]: typeof a): Link => ({
    name,
    kind: 'veth',
    peer: { netns: peerNetns, link: peerLink },
    ...more,
  });
  return [end(a, b), end(b, a)];
}

export const rule = (...body: Statement[]): Rule => ({ body });

export function chain(name: string, rules: Rule[] = [], hook?: BaseHook): Chain {
  return hook ? { name, hook, rules } : { name, rules };
}

const PRIORITIES: Record<string, number> = { raw: -300, mangle: -150, nat: -100, filter: 0, security: 50 };

/** A base chain of an iptables table, at its usual priority. */
export function base(table: string, hook: Hook, rules: Rule[] = [], policy: 'accept' | 'drop' = 'accept'): Chain {
  const source = hook === Hook.POSTROUTING || hook === Hook.INPUT;
  const priority = table === 'nat' && source ? 100 : (PRIORITIES[table] ?? 0);
  const type = table === 'nat' ? 'nat' : table === 'mangle' && hook === Hook.OUTPUT ? 'route' : 'filter';
  return chain(Hook[hook] as string, rules, { hook, priority, type, policy });
}

export const table = (name: string, chains: Chain[], family: 'ip' | 'ip6' = 'ip'): Table => ({ family, name, chains });

export const network = (...netnses: Netns[]): Network => ({ netnses });

export function packet(saddr: string, daddr: string, more: Partial<Packet> = {}): Packet {
  return plainPacket({
    protocol: Protocol.TCP,
    saddr,
    daddr,
    sport: 40000,
    dport: 80,
    ...more,
  });
}
