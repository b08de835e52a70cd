/** Virtual services as records: sorted, so that the engine finds one by halves. Lists that namespaces share are written once. */
import type { Words } from './address.ts';
import { addressOf, type Encoding } from './encoding.ts';
import { EngineError } from './errors.ts';
import type { IpvsServer, IpvsService } from './ipvs.ts';
import { IpvsFlag, IpvsMethod, IpvsScheduler, IpvsServiceFlag } from './ipvs-codes.ts';
import type { Netns } from './network.ts';
import type { Family } from './packet.ts';
import { type Sysctls, sysctl } from './sysctl.ts';
import { Protocol } from './terms.ts';

const PROTOCOLS = { tcp: Protocol.TCP, udp: Protocol.UDP, sctp: Protocol.SCTP } as const;

const SCHEDULERS: Readonly<Record<string, IpvsScheduler>> = {
  rr: IpvsScheduler.RR,
  wrr: IpvsScheduler.WRR,
  fo: IpvsScheduler.HEAVIEST,
  sh: IpvsScheduler.SOURCE_HASH,
  mh: IpvsScheduler.SOURCE_HASH,
  dh: IpvsScheduler.DESTINATION_HASH,
  lblc: IpvsScheduler.LOCALITY,
  lblcr: IpvsScheduler.LOCALITY,
};

const METHODS = {
  masquerade: IpvsMethod.MASQUERADE,
  route: IpvsMethod.ROUTE,
  tunnel: IpvsMethod.TUNNEL,
} as const;

const FTP = 21;
const ALL = 0xffffffff;

function familyOf({ address, ipv6 }: IpvsService): Family {
  if (address === undefined) return ipv6 ? 6 : 4;
  return address.includes(':') ? 6 : 4;
}

/** Whether IPVS itself asks for conntrack: for FTP's masquerading servers (ip_vs_register_conntrack). */
export const ipvsTracks = ({ ipvs }: Netns, family: Family): boolean =>
  ipvs?.some(
    (service) =>
      familyOf(service) === family && service.port === FTP && service.servers.some((s) => s.method === 'masquerade'),
  ) === true;

function flagsOf({ scheduler, flags = '', persistent, onePacket, pe }: IpvsService): number {
  const given = flags.split(',');
  const has = (name: string, number: string) => given.includes(`${scheduler}-${name}`) || given.includes(number);
  const hashes = scheduler === 'sh' || scheduler === 'mh';
  return (
    (persistent === undefined ? 0 : IpvsServiceFlag.PERSISTENT) |
    (onePacket ? IpvsServiceFlag.ONE_PACKET : 0) |
    (pe === undefined ? 0 : IpvsServiceFlag.ENGINE) |
    (hashes && has('port', 'flag-2') ? IpvsServiceFlag.HASH_PORT : 0) |
    (hashes && has('fallback', 'flag-1') ? IpvsServiceFlag.FALLBACK : 0)
  );
}

function maskOf({ netmask }: IpvsService, family: Family, where: string): Words {
  if (netmask === undefined) return [ALL, ALL, ALL, ALL];
  if (family === 4) return addressOf(netmask, where).words;
  const length = Number(netmask);
  if (!Number.isInteger(length) || length < 1 || length > 128)
    throw new EngineError('BAD_VALUE', `${where}: netmask ${netmask}`);
  return [0, 1, 2, 3].map((i) => {
    const kept = Math.min(32, Math.max(0, length - i * 32));
    return kept === 0 ? 0 : (ALL << (32 - kept)) >>> 0;
  }) as unknown as Words;
}

interface Row {
  service: IpvsService;
  family: Family;
  protocol: number;
  words: Words;
  port: number;
}

const NONE: Words = [0, 0, 0, 0];

function rowOf(service: IpvsService, where: string): Row {
  const { protocol, address, port = 0 } = service;
  const words = address === undefined ? NONE : addressOf(address, where).words;
  return { service, family: familyOf(service), protocol: protocol ? PROTOCOLS[protocol] : 0, words, port };
}

const inOrder = (a: Row, b: Row): number => {
  const keys = ({ family, protocol, words, port }: Row) => [family, protocol, ...words, port];
  const other = keys(b);
  for (const [i, key] of keys(a).entries()) if (key !== other[i]) return key - (other[i] as number);
  return 0;
};

interface Lists {
  services: number;
  count: number;
  marks: number;
  markCount: number;
  flags: number;
}

export class IpvsArray {
  readonly #encoding: Encoding;
  readonly #known = new Map<readonly IpvsService[], Lists>();

  constructor(encoding: Encoding) {
    this.#encoding = encoding;
  }

  #servers(servers: readonly IpvsServer[], where: string): number {
    const { abi, arena, objects } = this.#encoding;
    const first = arena.alloc(servers.length * abi.IPVS_SERVER_SIZE);
    for (const [i, server] of servers.entries()) {
      const at = first + i * abi.IPVS_SERVER_SIZE;
      const { address, port, weight, method, upper } = server;
      const parsed = addressOf(address, where);
      arena.putWords(at + abi.IPVS_SERVER_ADDRESS, parsed.words);
      arena.u32[(at + abi.IPVS_SERVER_ID) >>> 2] = objects.ipvsServers.length;
      arena.u32[(at + abi.IPVS_SERVER_WEIGHT) >>> 2] = weight;
      arena.u16[(at + abi.IPVS_SERVER_PORT) >>> 1] = port;
      arena.u8[at + abi.IPVS_SERVER_METHOD] = METHODS[method];
      arena.u8[at + abi.IPVS_SERVER_LIMITED] = upper ? 1 : 0;
      objects.ipvsServers.push(server);
      if (upper) objects.statements.set(at, { kind: 'unmodelled', text: thresholdText(server) });
    }
    return first;
  }

  #rows(rows: readonly Row[], where: string): number {
    const { abi, arena, objects } = this.#encoding;
    const first = arena.alloc(rows.length * abi.IPVS_SERVICE_SIZE);
    for (const [i, { service, family, protocol, words, port }] of rows.entries()) {
      const servers = this.#servers(service.servers, where);
      const at = first + i * abi.IPVS_SERVICE_SIZE;
      const put = (offset: number, value: number) => {
        arena.u32[(at + offset) >>> 2] = value;
      };
      arena.putWords(at + abi.IPVS_SERVICE_ADDRESS, words);
      arena.putWords(at + abi.IPVS_SERVICE_MASK, maskOf(service, family, where));
      put(abi.IPVS_SERVICE_MARK, service.fwmark ?? 0);
      put(abi.IPVS_SERVICE_ID, objects.ipvsServices.length);
      put(abi.IPVS_SERVICE_SERVERS, servers);
      put(abi.IPVS_SERVICE_SERVER_COUNT, service.servers.length);
      put(abi.IPVS_SERVICE_PERSISTENT, service.persistent ?? 0);
      arena.u16[(at + abi.IPVS_SERVICE_PORT) >>> 1] = port;
      arena.u8[at + abi.IPVS_SERVICE_PROTOCOL] = protocol;
      arena.u8[at + abi.IPVS_SERVICE_FAMILY] = family;
      arena.u8[at + abi.IPVS_SERVICE_SCHEDULER] = SCHEDULERS[service.scheduler] ?? IpvsScheduler.OTHER;
      arena.u8[at + abi.IPVS_SERVICE_FLAGS] = flagsOf(service);
      objects.ipvsServices.push(service);
    }
    return first;
  }

  #lists(services: readonly IpvsService[], where: string): Lists {
    const known = this.#known.get(services);
    if (known) return known;
    const rows = services.map((service) => rowOf(service, where));
    const plain = rows.filter(({ service }) => service.fwmark === undefined).sort(inOrder);
    const marked = rows.filter(({ service }) => service.fwmark !== undefined);
    const has = (family: Family) => rows.some((row) => row.family === family);
    const lists = {
      services: this.#rows(plain, where),
      count: plain.length,
      marks: this.#rows(marked, where),
      markCount: marked.length,
      flags: (has(4) ? IpvsFlag.FAMILY_4 : 0) | (has(6) ? IpvsFlag.FAMILY_6 : 0),
    };
    this.#known.set(services, lists);
    return lists;
  }

  /** Address of the namespace's record; 0: it has no services. */
  encode({ name, ipvs, sysctls }: Netns): number {
    if (!ipvs || ipvs.length === 0) return 0;
    const { abi, arena, objects } = this.#encoding;
    const lists = this.#lists(ipvs, `network namespace ${name}, virtual service`);
    const at = arena.alloc(abi.IPVS_SIZE);
    const put = (offset: number, value: number) => {
      arena.u32[(at + offset) >>> 2] = value;
    };
    put(abi.IPVS_SERVICES, lists.services);
    put(abi.IPVS_COUNT, lists.count);
    put(abi.IPVS_MARKS, lists.marks);
    put(abi.IPVS_MARK_COUNT, lists.markCount);
    put(abi.IPVS_FLAGS, lists.flags | settingsOf(sysctls));
    put(abi.IPVS_REUSE, sysctl(sysctls, 'net.ipv4.vs.conn_reuse_mode'));
    put(abi.IPVS_UNPRIVILEGED, sysctl(sysctls, 'net.ipv4.ip_unprivileged_port_start'));
    objects.statements.set(at, { kind: 'unmodelled', text: 'net.ipv4.vs.drop_packet' });
    return at;
  }
}

const thresholdText = ({ upper, address }: IpvsServer): string => `upper threshold ${upper} of ${address}`;

const SETTINGS: readonly [name: string, flag: IpvsFlag][] = [
  ['conntrack', IpvsFlag.CONNTRACK],
  ['expire_nodest_conn', IpvsFlag.EXPIRE_NODEST],
  ['expire_quiescent_template', IpvsFlag.EXPIRE_QUIESCENT],
  ['sloppy_tcp', IpvsFlag.SLOPPY_TCP],
  ['sloppy_sctp', IpvsFlag.SLOPPY_SCTP],
  ['snat_reroute', IpvsFlag.SNAT_REROUTE],
  ['nat_icmp_send', IpvsFlag.NAT_ICMP_SEND],
  ['cache_bypass', IpvsFlag.CACHE_BYPASS],
  ['schedule_icmp', IpvsFlag.SCHEDULE_ICMP],
  ['drop_packet', IpvsFlag.DROP_PACKET],
];

const settingsOf = (sysctls: Sysctls): number =>
  SETTINGS.reduce((bits, [name, flag]) => (sysctl(sysctls, `net.ipv4.vs.${name}`) !== 0 ? bits | flag : bits), 0);
