/** A `Network` as records in the engine's memory. What namespaces share by identity is written once. */
import type { Abi } from './abi.ts';
import type { Arena } from './arena.ts';
import { ListenerFlag, NetnsFlag } from './codes.ts';
import { AddressArray } from './encode-addresses.ts';
import { emptyBalanced, encodeBalancing } from './encode-balance.ts';
import { CtSettings, encodeFlows } from './encode-conntrack.ts';
import { TableFacts } from './encode-facts.ts';
import { Helpers } from './encode-helpers.ts';
import { IpvsArray, ipvsTracks } from './encode-ipvs.ts';
import { encodeFdb, encodeNeighbors, everyTableOnce, LinkArray } from './encode-links.ts';
import { encodeLocal } from './encode-local.ts';
import {
  ChainArray,
  countChains,
  encodeBaseChains,
  encodeHooks,
  HOOK_FAMILIES,
  type Hooks,
} from './encode-netfilter.ts';
import { DEFAULT_RULES, encodeRules, encodeTables, hasVrf, LOCAL_TABLE } from './encode-routes.ts';
import { SetArray } from './encode-sets.ts';
import { addressOf, type Encoding, LinkList, nameBytes, type Objects, Symbols } from './encoding.ts';
import { EngineError } from './errors.ts';
import { checkLayers } from './layers.ts';
import { kernelTables } from './local-table.ts';
import type { Listener, Netns, Network, PolicyRule } from './network.ts';
import { checkStacks } from './stacks.ts';
import { confAll, type Sysctls, sysctl } from './sysctl.ts';

/** `listenerCount` where nobody knows. */
const ABSENT = 0xffffffff;

interface Settings {
  flags: number;
  ttl4: number;
  ttl6: number;
  /** Address of what is believed of path MTUs. */
  paths: number;
  /** Address of the settings of connection tracking. */
  conntrack: number;
}

/** What of a namespace follows from its sysctls, remembered by identity. */
class NetnsSettings {
  readonly #known = new Map<Sysctls, Settings>();
  readonly #encoding: Encoding;
  /** By the values themselves. */
  readonly #pathsAt = new Map<string, number>();
  readonly #conntrack: CtSettings;

  constructor(encoding: Encoding) {
    this.#encoding = encoding;
    this.#conntrack = new CtSettings(encoding);
  }

  #paths(sysctls: Sysctls): number {
    const { abi, arena } = this.#encoding;
    const names = ['ipv4.route.min_pmtu', 'ipv4.route.mtu_expires', 'ipv6.route.mtu_expires', 'ipv4.ip_no_pmtu_disc'];
    const values = names.map((name) => sysctl(sysctls, `net.${name}`));
    const known = this.#pathsAt.get(values.join(' '));
    if (known !== undefined) return known;
    const at = arena.alloc(abi.PATHS_SIZE);
    arena.u32.set(values, at >>> 2);
    this.#pathsAt.set(values.join(' '), at);
    return at;
  }

  of(sysctls: Sysctls): Settings {
    let settings = this.#known.get(sysctls);
    if (!settings) {
      const on = (name: string, flag: NetnsFlag) => (sysctl(sysctls, name) !== 0 ? flag : 0);
      settings = {
        flags:
          on('net.bridge.bridge-nf-call-iptables', NetnsFlag.BRIDGE_CALL_4) |
          on('net.bridge.bridge-nf-call-ip6tables', NetnsFlag.BRIDGE_CALL_6) |
          on('net.bridge.bridge-nf-call-arptables', NetnsFlag.BRIDGE_CALL_ARP) |
          on('net.netfilter.nf_conntrack_tcp_loose', NetnsFlag.TCP_LOOSE) |
          on('net.ipv4.icmp_echo_ignore_all', NetnsFlag.ECHO_IGNORE_4) |
          on('net.ipv6.icmp.echo_ignore_all', NetnsFlag.ECHO_IGNORE_6) |
          // Policy 2 takes the addresses alone, of the inner packet of a tunnel where there is one.
          ([0, 2].includes(sysctl(sysctls, 'net.ipv4.fib_multipath_hash_policy')) ? 0 : NetnsFlag.MULTIPATH_PORTS_4) |
          on('net.ipv4.fwmark_reflect', NetnsFlag.FWMARK_REFLECT_4) |
          on('net.ipv6.fwmark_reflect', NetnsFlag.FWMARK_REFLECT_6) |
          on('net.ipv4.ip_forward_use_pmtu', NetnsFlag.FORWARD_PATH_MTU) |
          on('net.ipv4.tcp_fwmark_accept', NetnsFlag.FWMARK_ACCEPT) |
          on('net.ipv4.tcp_l3mdev_accept', NetnsFlag.TCP_L3MDEV_ACCEPT) |
          on('net.ipv4.udp_l3mdev_accept', NetnsFlag.UDP_L3MDEV_ACCEPT) |
          (confAll(sysctls, 6, 'forwarding') !== 0 ? NetnsFlag.FORWARD_6 : 0),
        ttl4: sysctl(sysctls, 'net.ipv4.ip_default_ttl'),
        ttl6: sysctl(sysctls, 'net.ipv6.conf.all.hop_limit'),
        paths: this.#paths(sysctls),
        conntrack: this.#conntrack.of(sysctls),
      };
      this.#known.set(sysctls, settings);
    }
    return settings;
  }
}

function encodeListeners(encoding: Encoding, listeners: readonly Listener[], where: string): number {
  const { abi, arena } = encoding;
  const first = arena.alloc(listeners.length * abi.LISTENER_SIZE);
  for (const [i, listener] of listeners.entries()) {
    const at = first + i * abi.LISTENER_SIZE;
    const address = addressOf(listener.address, where);
    const any = address.words.every((word) => word === 0);
    const any6 = any && address.family === 6;
    arena.putWords(at + abi.LISTENER_ADDRESS, address.words);
    arena.u16[(at + abi.LISTENER_PORT) >>> 1] = listener.port;
    arena.u32[(at + abi.LISTENER_DEVICE) >>> 2] =
      listener.device === undefined ? 0 : encoding.interfaces.of(listener.device);
    arena.u8[at + abi.LISTENER_PROTOCOL] = listener.protocol;
    arena.u8[at + abi.LISTENER_FAMILY] = address.family;
    arena.u8[at + abi.LISTENER_FLAGS] =
      (any6 ? ListenerFlag.ANY_6 : 0) |
      ((any && address.family === 4) || (any6 && !listener.v6only) ? ListenerFlag.ANY_4 : 0);
  }
  return first;
}

/** `fib_has_custom_rules`: IPv4 rules other than those a kernel starts with. */
function hasCustomRules(netns: Netns): boolean {
  if (!netns.rules) return hasVrf(netns);
  const known = DEFAULT_RULES.filter(({ family }) => family === 4);
  const rules = netns.rules.filter(({ family }) => family === 4);
  const isKnown = (rule: PolicyRule): boolean => {
    const { family: _family, priority, action, cause: _cause, ...selectors } = rule;
    return (
      action.kind === 'lookup' &&
      known.some(
        (own) => own.priority === priority && own.action.kind === 'lookup' && own.action.table === action.table,
      ) &&
      Object.values(selectors).every((value) => value === undefined)
    );
  };
  return rules.length !== known.length || !rules.every(isKnown);
}

/** 16 bytes for each symbol of an interface's name; symbol 0 is the empty one. */
function encodeNames(encoding: Encoding): { at: number; count: number } {
  const { arena, interfaces } = encoding;
  const count = interfaces.size + 1;
  const at = arena.alloc(count * 16);
  let i = 1;
  for (const name of interfaces.names()) {
    const first = at + i++ * 16;
    if (!/^[\x21-\x7e]{0,16}$/.test(name)) arena.u32.set(nameBytes(name).bytes, first >>> 2);
    else for (let j = 0; j < name.length; j++) arena.u8[first + j] = name.charCodeAt(j);
  }
  return { at, count };
}

function emptyObjects(): Objects {
  return {
    netnses: [],
    netnsAt: [],
    netnsByName: new Map(),
    links: new LinkList(),
    tables: [],
    chains: [],
    routes: [],
    policies: [...DEFAULT_RULES],
    interfaces: [],
    statements: new Map(),
    nftSets: [],
    frontends: new Map(),
    ipvsServices: [],
    ipvsServers: [],
  };
}

/** Throws `EngineError` for a network that contradicts itself. Returns where the manifest and the links are, and the objects behind the numbers. */
export function encodeNetwork(
  abi: Abi,
  arena: Arena,
  network: Network,
): { manifest: number; objects: Objects; linksAt: number } {
  const { netnses } = network;
  checkLayers(netnses);
  checkStacks(netnses);
  const objects = emptyObjects();
  const encoding: Encoding = {
    abi,
    arena,
    objects,
    interfaces: new Symbols(),
    chainNames: new Symbols(),
    setNames: new Symbols(),
    recentNames: new Symbols(),
    nftSetNames: new Symbols(),
    tunnelKeys: new Symbols(),
    layers: new Map(),
    tables: new Map(),
    sets: new Map(),
    nftSets: new Map(),
    hops: new Map(),
    balanced: emptyBalanced(),
  };
  // The engine knows the symbol of `lo` (core/links.ts).
  encoding.interfaces.of('lo');
  const manifest = arena.alloc(abi.MANIFEST_SIZE);
  const netnsArray = arena.alloc(netnses.length * abi.NETNS_SIZE);
  for (const [i, netns] of netnses.entries()) {
    if (objects.netnsByName.has(netns.name))
      throw new EngineError('DUPLICATE_NAME', `network namespace ${netns.name} stands twice`);
    objects.netnsByName.set(netns.name, i);
    objects.netnses.push(netns);
    objects.netnsAt.push(netnsArray + i * abi.NETNS_SIZE);
  }
  const links = new LinkArray(encoding, netnses);
  const addresses = new AddressArray(encoding, netnses);
  const chains = new ChainArray(encoding, countChains(netnses));
  const sets = new SetArray(encoding, netnses);
  const facts = new TableFacts();
  const settings = new NetnsSettings(encoding);
  const helpers = new Helpers(encoding);
  const ipvs = new IpvsArray(encoding);
  // Addresses that no interface has: routes of type local. Those that the kernel did not make itself: `fib_has_custom_local_routes`.
  const holdsOthers = everyTableOnce(({ type }) => type === 'local');
  const hasCustomLocal = everyTableOnce(
    ({ type, family, protocol }) => type === 'local' && family === 4 && protocol !== 'kernel',
  );

  for (let i = 0; i < netnses.length; i++) {
    const netns = netnses[i] as Netns;
    const at = netnsArray + i * abi.NETNS_SIZE;
    const put = (offset: number, value: number) => {
      arena.u32[(at + offset) >>> 2] = value;
    };
    const proxies = netns.neighbors?.some(({ proxy }) => proxy) === true;
    const own = links.encode(netns, at, proxies || holdsOthers(netns));
    const firstAddress = addresses.at + addresses.count * abi.ADDRESS_SIZE;
    const written = addresses.encode(netns, i, links.at);
    const linkAt = (name: string): number => {
      const number = objects.links.find(i, name);
      if (number === undefined)
        throw new EngineError('UNKNOWN_LINK', `network namespace ${netns.name} has no link ${name}`);
      return links.at + number * abi.LINK_SIZE;
    };
    const isWritten = netns.tables.some(({ id }) => id === LOCAL_TABLE) || hasVrf(netns);
    const tables = encodeTables(encoding, netns, isWritten ? kernelTables(netns) : encodeLocal(encoding, written, own));
    const rules = encodeRules(encoding, netns);
    const hooks = HOOK_FAMILIES.map((family) => encodeHooks(encoding, chains, facts, netns, family));
    const [hooks4, hooks6] = hooks as [Hooks, Hooks];
    const { flags, ttl4, ttl6, conntrack, paths } = settings.of(netns.sysctls);
    const listed = (family: 4 | 6) => netns.conntrack?.some((entry) => entry.family === family) === true;
    const track4 = hooks4.tracks || listed(4) || ipvsTracks(netns, 4);
    const track6 = hooks6.tracks || listed(6) || ipvsTracks(netns, 6);
    put(abi.NETNS_ID, i);
    put(
      abi.NETNS_FLAGS,
      flags |
        (track4 ? NetnsFlag.TRACK_4 : 0) |
        (track6 ? NetnsFlag.TRACK_6 : 0) |
        (track4 && hooks4.translates ? NetnsFlag.NAT_4 : 0) |
        (track6 && hooks6.translates ? NetnsFlag.NAT_6 : 0) |
        (hasVrf(netns) ? NetnsFlag.VRF : 0) |
        (hasCustomRules(netns) ? NetnsFlag.CUSTOM_RULES : 0) |
        (hasCustomLocal(netns) ? NetnsFlag.CUSTOM_LOCAL : 0),
    );
    put(abi.NETNS_LINKS, own.at);
    put(abi.NETNS_LINK_COUNT, own.count);
    put(abi.NETNS_ADDRESSES, firstAddress);
    put(abi.NETNS_ADDRESS_COUNT, written.length);
    put(abi.NETNS_RULES, rules.at);
    put(abi.NETNS_RULE_COUNT, rules.count);
    put(abi.NETNS_TABLES, tables.at);
    put(abi.NETNS_TABLE_COUNT, tables.count);
    put(abi.NETNS_CHAINS, encodeBaseChains(encoding, hooks));
    for (const [j, { placed }] of hooks.entries()) arena.u16[((at + abi.NETNS_CHAIN_COUNTS) >>> 1) + j] = placed.length;
    arena.u16[(at + abi.NETNS_TTL4) >>> 1] = ttl4;
    arena.u16[(at + abi.NETNS_TTL6) >>> 1] = ttl6;
    put(abi.NETNS_CT_SETTINGS, conntrack);
    put(abi.NETNS_HELPERS, helpers.automaticIn(netns));
    put(abi.NETNS_PATHS, paths);
    put(abi.NETNS_IPVS, ipvs.encode(netns));
    if (netns.balancing)
      put(abi.NETNS_BALANCING, encodeBalancing(encoding, netns.balancing, `network namespace ${netns.name}`));
    put(abi.NETNS_LISTENER_COUNT, netns.listeners?.length ?? ABSENT);
    if (netns.neighbors?.length) {
      put(abi.NETNS_NEIGHBORS, encodeNeighbors(encoding, netns, linkAt));
      put(abi.NETNS_NEIGHBOR_COUNT, netns.neighbors.length);
    }
    if (netns.fdb?.length) {
      put(abi.NETNS_FDB, encodeFdb(encoding, netns, linkAt));
      put(abi.NETNS_FDB_COUNT, netns.fdb.length);
    }
    if (netns.sets?.length) {
      put(abi.NETNS_SETS, sets.encode(netns.sets));
      put(abi.NETNS_SET_COUNT, netns.sets.length);
    }
    if (netns.listeners?.length)
      put(abi.NETNS_LISTENERS, encodeListeners(encoding, netns.listeners, `network namespace ${netns.name}`));
    if (netns.conntrack?.length) {
      put(abi.NETNS_FLOWS, encodeFlows(encoding, netns.conntrack, i, helpers));
      put(abi.NETNS_FLOW_COUNT, netns.conntrack.length);
    }
  }
  const segments = links.connect();
  const nftSets = [...encoding.nftSets.values()];
  const nftSetsAt = arena.alloc(nftSets.length * 4);
  arena.u32.set(nftSets, nftSetsAt >>> 2);
  const names = encodeNames(encoding);
  objects.interfaces = [...encoding.interfaces.names()];
  const put = (offset: number, value: number, count: number) => {
    arena.u32[(manifest + offset) >>> 2] = value;
    arena.u32[((manifest + offset) >>> 2) + 1] = count;
  };
  put(abi.MANIFEST_NETNSES, netnsArray, netnses.length);
  put(abi.MANIFEST_LINKS, links.at, links.count);
  put(abi.MANIFEST_SEGMENTS, segments.at, segments.count);
  put(abi.MANIFEST_ADDRESSES, addresses.at, addresses.count);
  put(abi.MANIFEST_CHAINS, chains.at, chains.count);
  put(abi.MANIFEST_SETS, sets.at, sets.count);
  put(abi.MANIFEST_NFT_SETS, nftSetsAt, nftSets.length);
  put(abi.MANIFEST_NAMES, names.at, names.count);
  arena.u32[(manifest + abi.MANIFEST_END) >>> 2] = arena.end;
  return { manifest, objects, linksAt: links.at };
}
