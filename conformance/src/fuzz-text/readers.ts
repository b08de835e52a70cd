/** Every reader of texts, with texts that it understands. */
import { gzipSync } from 'node:zlib';
import type { Family } from '@podwire/engine';
import {
  nftTables,
  openNode,
  parseArptablesSave,
  parseEbtablesSave,
  parseIptablesSave,
  parseNftRuleset,
  readArp,
  readBrctl,
  readBridgeFdb,
  readBridgeLink,
  readBridgeVlan,
  readConntrack,
  readFibTrie,
  readIfconfig,
  readIfInet6,
  readIpAddr,
  readIpNeigh,
  readIpNexthop,
  readIpRoute,
  readIpRule,
  readIpset,
  readIpTunnel,
  readIpvsList,
  readIpvsSave,
  readNetstat,
  readProcArp,
  readProcDev,
  readProcRoute,
  readProcRoute6,
  readProcSockets,
  readRouteN,
  readSources,
  readSs,
  readSysctls,
  readWireguard,
  resolvePlain,
  splitRestoreWords,
  splitShellWords,
} from '@podwire/model';
import { netfilter, nft } from './seeds-netfilter.ts';
import { objects, tarOf } from './seeds-objects.ts';
import { connections, links, proc, routes, sockets } from './seeds-tools.ts';
import type { Target } from './trial.ts';

const encoder = new TextEncoder();

/** Texts of which each character is a byte. */
const bytesOf = (binary: string): Uint8Array => Uint8Array.from(binary, (character) => character.charCodeAt(0) & 255);
const binaryOf = (bytes: Uint8Array): string => Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');

async function sources(name: string, bytes: Uint8Array): Promise<unknown> {
  const { lineOf, ...read } = await readSources([{ name, bytes }]);
  const lines = read.objects.slice(0, 20).map(({ origin }) => lineOf(origin, ['metadata', 'name']));
  return { ...read, lines };
}

/** `.inf` and `.nan` are refused: JSON has neither. */
function scalar(text: string): unknown {
  try {
    return resolvePlain(text);
  } catch (error) {
    if (error instanceof Error && error.message.endsWith('is no number that JSON can hold')) return 'refused';
    throw error;
  }
}

/** One reader of both families. */
const both =
  (read: (text: string, family: Family | undefined) => unknown) =>
  (text: string): unknown => [read(text, undefined), read(text, 4), read(text, 6)];

const shop = tarOf({ 'shop/a.yaml': objects.yaml, 'shop/b.json': objects.json });
const dump = tarOf({
  'node-1/ip-addr': links.addr,
  'node-1/ip-route': routes.route,
  'node-1/iptables-save': netfilter.save,
});

/** A node's folder with the text under one name after the other, beside files that are whole. */
async function node(text: string): Promise<unknown> {
  const files = { 'ip-addr.txt': links.addr, 'ip-route.txt': routes.route, 'damaged.txt': text };
  return openNode(
    'n1',
    Object.entries(files).map(([name, content]) => ({ name, bytes: encoder.encode(content) })),
  );
}

function ruleset(text: string): unknown {
  const read = parseNftRuleset(text);
  // Rules that nft would take are compiled too.
  return { objects: read.objects, problems: read.problems, tables: nftTables(read.objects).length };
}

export const readers: readonly Target[] = [
  { name: 'yaml', seeds: [objects.yaml, objects.kyaml], run: (text) => sources('a.yaml', encoder.encode(text)) },
  { name: 'json', seeds: [objects.json], run: (text) => sources('a.json', encoder.encode(text)) },
  { name: 'yaml-scalar', seeds: ['0x1F', '1e3', '.inf', 'off', '2001-01-01', '0o17'], run: scalar },
  { name: 'tar', seeds: [binaryOf(shop)], run: (text) => sources('a.tar', bytesOf(text)) },
  { name: 'tgz', seeds: [binaryOf(gzipSync(shop, { level: 1 }))], run: (text) => sources('a.tgz', bytesOf(text)) },
  {
    name: 'iptables-save',
    seeds: [netfilter.save, netfilter.listed, netfilter.nodeLocal],
    run: (text) => [parseIptablesSave(text, 'ip'), parseIptablesSave(text, 'ip6')],
  },
  { name: 'ebtables-save', seeds: [netfilter.ebtables], run: (text) => parseEbtablesSave(text) },
  { name: 'arptables-save', seeds: [netfilter.arptables], run: (text) => parseArptablesSave(text) },
  { name: 'words', seeds: [netfilter.save], run: (text) => [splitShellWords(text), splitRestoreWords(text)] },
  { name: 'nft', seeds: [nft.firewall, nft.proxy, nft.script], run: ruleset },
  { name: 'nft-json', seeds: [nft.json], run: ruleset },
  { name: 'ip-addr', seeds: [links.addr, links.details, links.json], run: (text) => readIpAddr(text) },
  { name: 'ip-route', seeds: [routes.route, routes.route6, routes.json], run: both(readIpRoute) },
  { name: 'ip-rule', seeds: [routes.rule, routes.ruleJson], run: both(readIpRule) },
  { name: 'ip-neigh', seeds: [links.neigh, links.neighJson], run: (text) => readIpNeigh(text) },
  { name: 'ip-nexthop', seeds: [routes.nexthop, routes.nexthopJson], run: (text) => readIpNexthop(text) },
  { name: 'ip-tunnel', seeds: [links.tunnel], run: (text) => readIpTunnel(text) },
  {
    name: 'wireguard',
    seeds: [links.wireguard, links.wireguardDump, links.wireguardConf],
    run: (text) => [readWireguard(text), readWireguard(text, { link: 'wg0' })],
  },
  { name: 'bridge-fdb', seeds: [links.fdb, links.fdbJson], run: (text) => readBridgeFdb(text) },
  { name: 'bridge-link', seeds: [links.bridge, links.bridgeJson], run: (text) => readBridgeLink(text) },
  { name: 'bridge-vlan', seeds: [links.vlan, links.vlanJson], run: (text) => readBridgeVlan(text) },
  { name: 'brctl', seeds: [links.brctl], run: (text) => readBrctl(text) },
  { name: 'ipset', seeds: [netfilter.ipset, netfilter.ipsetList, netfilter.ipsetXml], run: (text) => readIpset(text) },
  {
    name: 'conntrack',
    seeds: [connections.plain, connections.extended, connections.xml, connections.proc],
    run: (text) => readConntrack(text),
  },
  { name: 'ss', seeds: [sockets.ss, sockets.ssAll], run: (text) => [readSs(text), readSs(text, { protocol: 6 })] },
  { name: 'netstat', seeds: [sockets.netstat], run: (text) => readNetstat(text) },
  {
    name: 'proc-sockets',
    seeds: [sockets.tcp, sockets.tcp6],
    run: (text) => [readProcSockets(text, 6), readProcSockets(text, 17)],
  },
  { name: 'sysctl', seeds: [proc.sysctl], run: (text) => readSysctls(text) },
  { name: 'proc-route', seeds: [proc.route], run: (text) => readProcRoute(text) },
  { name: 'proc-ipv6-route', seeds: [proc.route6], run: (text) => readProcRoute6(text) },
  { name: 'arp', seeds: [proc.arp, proc.arpN, proc.arpA], run: (text) => [readProcArp(text), readArp(text)] },
  { name: 'if-inet6', seeds: [proc.inet6], run: (text) => readIfInet6(text) },
  { name: 'proc-dev', seeds: [proc.dev], run: (text) => readProcDev(text) },
  { name: 'fib-trie', seeds: [proc.trie], run: (text) => readFibTrie(text) },
  { name: 'ifconfig', seeds: [proc.ifconfig], run: (text) => readIfconfig(text) },
  { name: 'route-n', seeds: [proc.routeN], run: (text) => readRouteN(text) },
  {
    name: 'ipvsadm',
    seeds: [sockets.ipvsSave, sockets.ipvsList],
    run: (text) => [readIpvsSave(text), readIpvsList(text)],
  },
  {
    name: 'node',
    seeds: [proc.session, netfilter.save, routes.route, links.addr, nft.firewall, sockets.ss, connections.plain],
    run: node,
  },
  {
    name: 'node-tar',
    seeds: [binaryOf(dump)],
    run: (text) => openNode('n1', [{ name: 'n1.tar', bytes: bytesOf(text) }]),
  },
];
