/** Builds the interpreter's hosts from a `Network`, refusing one that contradicts itself. */
import {
  type Address,
  addressesOf,
  type Family,
  formatAddress,
  Hook,
  IMPLIED_LOOPBACK,
  isSecondary,
  kernelTables,
  type Netns,
  type Network,
  networkOf,
  type PolicyRule,
  type RouteTable,
  SourcePorts,
} from '../src/index.ts';
import { prefixOf } from './addresses.ts';
import { newBalanceState } from './balance.ts';
import { checkNetwork } from './check.ts';
import { connectionOf } from './connections.ts';
import { arpChains, frameChains } from './device-hooks.ts';
import { hookEntries, needsConntrack } from './hook-entries.ts';
import { questionsMeetChains } from './question.ts';
import { stackDevices } from './stack-devices.ts';
import type { Device, DeviceAddress, Host, World } from './state.ts';
import { expire } from './timeouts.ts';

const MAX_MTU_LOOPBACK = 65536;
const SCOPES = { global: 0, site: 200, link: 253, host: 254, nowhere: 255 } as const;

function scopeOf(address: Address): number {
  if (address.scope !== undefined) return SCOPES[address.scope];
  if (address.address.startsWith('127.') || address.address === '::1/128') return SCOPES.host;
  return /^fe[89ab]/.test(address.address) ? SCOPES.link : SCOPES.global;
}

function deviceAddress(address: Address, all: readonly Address[]): DeviceAddress {
  const prefix = prefixOf(address.address);
  const peer = address.peer === undefined ? undefined : prefixOf(address.peer);
  const length = peer && address.peer?.includes('/') ? peer.length : prefix.length;
  return {
    address,
    prefix,
    text: formatAddress(prefix),
    secondary: isSecondary(address, all),
    scope: scopeOf(address),
    subnet: networkOf({ ...(peer ?? prefix), length }),
  };
}

function defaultRules(family: Family): PolicyRule[] {
  const tables: [number, number][] = [
    [0, 255],
    [32766, 254],
  ];
  if (family === 4) tables.push([32767, 253]);
  return tables.map(([priority, table]) => ({ family, priority, action: { kind: 'lookup', table } }));
}

/** The kernel adds this one with the first VRF (vrf_add_fib_rules). */
const vrfRule = (family: Family): PolicyRule => ({
  family,
  priority: 1000,
  l3mdev: true,
  action: { kind: 'lookup', table: 0 },
});

function rulesOf(netns: Netns, family: Family): PolicyRule[] {
  const own = netns.links.some(({ kind }) => kind === 'vrf') ? [vrfRule(family)] : [];
  const given = netns.rules?.filter((rule) => rule.family === family) ?? [...defaultRules(family), ...own];
  return given
    .map((rule, order) => ({ rule, order }))
    .sort((a, b) => a.rule.priority - b.rule.priority || a.order - b.order)
    .map(({ rule }) => rule);
}

function tablesOf(netns: Netns): Map<number, RouteTable> {
  const tables = new Map<number, RouteTable>();
  for (const table of netns.tables) {
    const before = tables.get(table.id);
    if (!before) tables.set(table.id, table);
    else tables.set(table.id, merge(before, table));
  }
  for (const table of kernelTables(netns)) tables.set(table.id, table);
  return tables;
}

/** Two tables of one id: their own routes in order; the first base that is there. */
function merge(a: RouteTable, b: RouteTable): RouteTable {
  const base = a.base ?? b.base;
  const routes = [...a.routes, ...b.routes];
  return base ? { id: a.id, base, routes } : { id: a.id, routes };
}

function madeUpMac(order: number, index: number): string {
  const bytes = [0x02, 0x70, (order >>> 8) & 255, order & 255, (index >>> 8) & 255, index & 255];
  return bytes.map((b) => b.toString(16).padStart(2, '0')).join(':');
}

function devicesOf(host: Host, taken: ReadonlySet<string>): void {
  const { netns } = host;
  const implied = netns.links.some((link) => link.name === 'lo') ? [] : [IMPLIED_LOOPBACK];
  for (const [position, link] of [...implied, ...netns.links].entries()) {
    const index = link.index ?? position + 1;
    let made = madeUpMac(host.order, position);
    while (taken.has(made)) made = made.replace(/^02:70/, '06:70');
    const device: Device = {
      host,
      link,
      name: link.name,
      index,
      mac: link.mac?.toLowerCase() ?? made,
      mtu: link.mtu ?? (link.kind === 'loopback' ? MAX_MTU_LOOPBACK : 1500),
      up: link.up !== false,
      carrier: link.up !== false && link.carrier !== false,
      addresses: [],
      ports: [],
      uppers: [],
    };
    host.devices.push(device);
    host.byName.set(link.name, device);
  }
  for (const device of host.devices) {
    const master = device.link.master === undefined ? undefined : host.byName.get(device.link.master);
    if (!master) continue;
    device.master = master;
    master.ports.push(device);
  }
  const addresses = addressesOf(netns);
  for (const address of addresses) host.byName.get(address.link)?.addresses.push(deviceAddress(address, addresses));
}

function hostOf(netns: Netns, order: number, taken: ReadonlySet<string>): Host {
  const rules = { 4: rulesOf(netns, 4), 6: rulesOf(netns, 6) };
  const conntrackOn = { 4: needsConntrack(netns, 4), 6: needsConntrack(netns, 6) };
  const hooks = { 4: hookEntries(netns, 4, conntrackOn[4]), 6: hookEntries(netns, 6, conntrackOn[6]) };
  const natOn = (family: Family) => hooks[family][Hook.PREROUTING]?.some((entry) => entry.kind === 'nat') === true;
  const host: Host = {
    netns,
    order,
    devices: [],
    byName: new Map(),
    tables: tablesOf(netns),
    rules,
    neighbors: netns.neighbors ?? [],
    hooks,
    frameChains: frameChains(netns),
    arpChains: arpChains(netns),
    conntrackOn,
    natOn: { 4: natOn(4), 6: natOn(6) },
    connections: [],
    ipvs: [],
    sets: new Map(),
    recents: new Map(),
    nftSets: new Map(),
    nth: new Map(),
    sockets: [],
    pathMtus: [],
    balance: newBalanceState(),
  };
  devicesOf(host, taken);
  return host;
}

/** Throws `EngineError` for a network that contradicts itself. */
export function loadWorld(network: Network): World {
  checkNetwork(network);
  const taken = new Set(network.netnses.flatMap((n) => n.links.flatMap((l) => l.mac?.toLowerCase() ?? [])));
  const hosts = network.netnses.map((netns, order) => hostOf(netns, order, taken));
  const byName = new Map(hosts.map((host) => [host.netns.name, host]));
  for (const device of hosts.flatMap((host) => host.devices)) {
    const { peer, carrier } = device.link;
    const other = peer && byName.get(peer.netns)?.byName.get(peer.link);
    // A wire has a carrier while both ends are up.
    if (other && carrier === undefined) device.carrier &&= other.up;
  }
  stackDevices(hosts, byName);
  const world: World = {
    hosts,
    byName,
    clockMs: 0,
    nthMode: 'count',
    answers: [],
    choices: [],
    paths: new Map(),
    picks: new Map(),
    numbers: new Map(),
    sourcePorts: new SourcePorts(network.netnses),
    numberIds: new Map(),
    routeIds: new Map(),
    questions: questionsMeetChains(hosts),
    learnt: new Map(),
  };
  resetWorld(world);
  return world;
}

/** Back to what was loaded; the mode of `nth` stays. */
export function resetWorld(world: World): void {
  world.clockMs = 0;
  world.answers = [];
  world.choices = [];
  world.paths.clear();
  world.picks.clear();
  world.numbers.clear();
  world.last = undefined;
  world.learnt.clear();
  for (const host of world.hosts) {
    host.connections = (host.netns.conntrack ?? []).map((entry) => connectionOf(host, entry));
    expire(host, 0);
    host.sets = new Map(
      (host.netns.sets ?? []).map((set) => [
        set.name,
        {
          set,
          entries: new Map(set.entries.map((e) => [e.value, { value: e.value, nomatch: e.nomatch === true }])),
        },
      ]),
    );
    host.recents.clear();
    host.nftSets.clear();
    host.nth.clear();
    host.sockets = [];
    host.ipvs = [];
    host.pathMtus = [];
    host.balance = newBalanceState();
  }
}
