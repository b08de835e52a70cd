/** Random virtual services: on addresses of the host, of others and of nobody, with servers of all sorts. */
import type { Family, IpvsServer, IpvsService, Netns } from '../../src/index.ts';
import type { Random } from './random.ts';
import { MARKS, type Plan, PORTS } from './world.ts';

const SETTINGS: readonly [name: string, values: readonly number[]][] = [
  ['conntrack', [0, 1, 1]],
  ['conn_reuse_mode', [0, 1, 2, 3]],
  ['expire_nodest_conn', [0, 1]],
  ['expire_quiescent_template', [0, 1]],
  ['sloppy_tcp', [0, 1]],
  ['sloppy_sctp', [0, 1]],
  ['snat_reroute', [0, 1]],
  ['nat_icmp_send', [0, 1]],
  ['cache_bypass', [0, 1]],
  ['schedule_icmp', [0, 1]],
  ['drop_packet', [0, 0, 1]],
];

const SCHEDULERS = ['rr', 'rr', 'wrr', 'lc', 'sh', 'mh', 'dh', 'fo', 'lblc', 'nobodys'];

function serverOf(r: Random, plan: Plan, family: Family): IpvsServer {
  const odd = family === 4 ? ['127.0.0.1', '203.0.113.9', '10.0.0.250'] : ['::1', '2001:db8:9::9', 'fd00::250'];
  return {
    address: r.pick(r.chance(1, 12) ? odd : plan.addresses[family]),
    port: r.pick([...PORTS, 0]),
    method: r.pick(['masquerade', 'masquerade', 'masquerade', 'masquerade', 'masquerade', 'route', 'route', 'tunnel']),
    weight: r.pick([1, 1, 1, 1, 2, 5, 0]),
    ...(r.chance(1, 12) ? { upper: 100 } : {}),
  };
}

function serviceOf(r: Random, plan: Plan, family: Family, address: string): IpvsService {
  const scheduler = r.pick(SCHEDULERS);
  const marked = r.chance(1, 6);
  const persistent = r.chance(1, 3);
  const key = marked
    ? { fwmark: r.pick(MARKS.filter((mark) => mark !== 0)), ...(family === 6 ? { ipv6: true } : {}) }
    : {
        protocol: r.pick(['tcp', 'tcp', 'udp', 'udp', 'sctp'] as const),
        address,
        port: persistent && r.chance(1, 4) ? 0 : r.pick([...PORTS, 80, 80, 53, 21, 500]),
      };
  return {
    ...key,
    scheduler,
    ...(r.chance(1, 3)
      ? { flags: r.pick([`${scheduler}-port`, `${scheduler}-fallback`, 'flag-1', 'flag-1,flag-2']) }
      : {}),
    ...(persistent ? { persistent: r.pick([1, 10, 360]) } : {}),
    ...(r.chance(1, 4)
      ? { netmask: family === 4 ? r.pick(['255.255.255.0', '255.255.255.254']) : r.pick(['64', '127']) }
      : {}),
    ...(r.chance(1, 30) ? { pe: 'sip' } : {}),
    ...(r.chance(1, 8) ? { onePacket: true } : {}),
    servers: Array.from({ length: r.pick([0, 1, 1, 1, 1, 2, 2, 2, 3]) }, () => serverOf(r, plan, family)),
  };
}

const NUMBERS = { tcp: 6, udp: 17, sctp: 132 } as const;

/** Two services of one namespace never have the same ends. */
const keyOf = ({ protocol, address, port, fwmark, ipv6 }: IpvsService): string =>
  [protocol, address, port, fwmark, ipv6].join(' ');

function balance(r: Random, plan: Plan, netns: Netns): void {
  const services: IpvsService[] = [];
  const bound = new Set<string>();
  for (let i = 0; i < 1 + r.below(5); i++) {
    const family: Family = r.chance(2, 3) ? 4 : 6;
    const own = netns.addresses
      .map(({ address }) => (address.split('/') as [string])[0])
      .filter((address) => address.includes(':') === (family === 6));
    const virtual = r.chance(2, 3) || own.length === 0;
    const address = r.pick(virtual ? plan.strangers[family] : own);
    services.push(serviceOf(r, plan, family, address));
    if (virtual && r.chance(5, 6)) bound.add(address);
  }
  const keys = services.map(keyOf);
  netns.ipvs = services.filter((_, i) => keys.indexOf(keys[i] as string) === i);
  for (const { protocol = 'tcp', address, port, fwmark, ipv6 } of netns.ipvs) {
    const family = (address === undefined ? ipv6 : address.includes(':')) ? 6 : 4;
    const ends = { address: address ?? r.pick(plan.strangers[family]), port: port || r.pick(PORTS) };
    plan.virtual.push({ netns, family, protocol: NUMBERS[protocol], ...ends, mark: fwmark ?? 0 });
  }
  if (bound.size > 0) netns.links.push({ name: 'ipvs0', kind: 'dummy', ...(r.chance(1, 2) ? { up: false } : {}) });
  for (const address of bound)
    netns.addresses.push({ link: 'ipvs0', address: `${address}/${address.includes(':') ? 128 : 32}` });
}

export function addIpvs(r: Random, plan: Plan): void {
  for (const netns of plan.netnses) {
    const router = netns.links.length > 1;
    if (!r.chance(router ? 2 : 1, router ? 3 : 12)) continue;
    balance(r, plan, netns);
    const given = SETTINGS.filter(() => r.chance(1, 4)).map(([name, values]) => [
      `net.ipv4.vs.${name}`,
      r.pick(values),
    ]);
    netns.sysctls = { ...netns.sysctls, ...Object.fromEntries(given) };
  }
}
