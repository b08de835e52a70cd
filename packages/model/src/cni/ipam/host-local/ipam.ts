/** host-local: the next free address of a range, kept in files (plugins/ipam/host-local). */
import { addToAddress, compareAddresses, formatAddress, type IpAddress, parseAddress } from '@podwire/engine';
import type { Host } from '../../host/host.ts';
import { type Call, CniError, type Plugin, readArgs } from '../../runtime/call.ts';
import { has, list, object, text } from '../../runtime/conf.ts';
import { emptyResult, type IPConfig, type RouteConfig } from '../../runtime/result.ts';
import { addressOf, hostOf } from '../../shared/address.ts';
import { checkOverlaps, inRange, type Range, type RangeConf, readRangeSet, shownSet } from './ranges.ts';

interface Settings {
  folder: string;
  sets: Range[][];
  requested: IpAddress[];
  routes: readonly RouteConfig[];
}

/** With or without a prefix length (pkg/ip/ip.go). */
const requestedAddress = (one: string): IpAddress => addressOf(one.includes('/') ? hostOf(one) : one);

/** LoadIPAMConfig */
function settingsOf({ conf, args }: Call): Settings {
  if (!has(conf, 'ipam')) throw new CniError("IPAM config missing 'ipam' key");
  const ipam = object(conf, 'ipam');
  const runtime = object(conf, 'runtimeConfig');
  const argued = readArgs(args, ['IP']).get('IP');
  const requested = [
    ...(argued ? [argued] : []),
    ...list<string>(object(object(conf, 'args'), 'cni'), 'ips'),
    ...list<string>(runtime, 'ips'),
  ].map(requestedAddress);
  const confs: readonly (readonly RangeConf[])[] = [
    ...list<RangeConf[]>(runtime, 'ipRanges'),
    // The form of old: one range, its fields beside `type`.
    ...(has(ipam, 'subnet') ? [[ipam as RangeConf]] : []),
    ...list<RangeConf[]>(ipam, 'ranges'),
  ];
  if (confs.length === 0) throw new CniError('no IP ranges specified');
  const sets = confs.map(readRangeSet);
  checkOverlaps(sets);
  const folder = `${text(ipam, 'dataDir') || '/var/lib/cni/networks'}/${conf.name}`;
  return { folder, sets, requested, routes: list<RouteConfig>(ipam, 'routes') };
}

/** Files of one network: one for each address, its text the owner (plugins/ipam/host-local/backend/disk). */
class Store {
  readonly #files: Host['files'];
  readonly #folder: string;
  readonly #owner: string;

  constructor({ host, containerId, ifname }: Call, folder: string) {
    this.#files = host.files;
    this.#folder = folder;
    this.#owner = `${containerId}\n${ifname}`;
    this.#files.set(`${folder}/lock`, '');
  }

  reserve(address: IpAddress, set: number): boolean {
    const name = `${this.#folder}/${formatAddress(address)}`;
    if (this.#files.has(name)) return false;
    this.#files.set(name, this.#owner);
    this.#files.set(`${this.#folder}/last_reserved_ip.${set}`, formatAddress(address));
    return true;
  }

  last(set: number): IpAddress | undefined {
    return parseAddress(this.#files.get(`${this.#folder}/last_reserved_ip.${set}`) ?? '');
  }

  /** Names of the files that are the caller's. */
  owned(): string[] {
    return [...this.#files]
      .filter(([name, owner]) => owner === this.#owner && name.startsWith(this.#folder))
      .map(([name]) => name);
  }

  release(): void {
    for (const name of this.owned()) this.#files.delete(name);
  }
}

/** All addresses of the set but gateways, each once, from behind the last that was given out. RangeIter */
function* candidates(
  set: readonly Range[],
  last: IpAddress | undefined,
): Generator<{ address: IpAddress; range: Range }> {
  let at = last === undefined ? -1 : set.findIndex((range) => inRange(range, last));
  let current = at < 0 ? undefined : last;
  at = Math.max(at, 0);
  let first: IpAddress | undefined;
  for (;;) {
    let range = set[at] as Range;
    if (!current) current = range.start;
    else if (compareAddresses(current, range.end) === 0) {
      at = (at + 1) % set.length;
      range = set[at] as Range;
      current = range.start;
    } else current = addToAddress(current, 1) as IpAddress;
    if (!first) first = current;
    else if (compareAddresses(current, first) === 0) return;
    if (compareAddresses(current, range.gateway) !== 0) yield { address: current, range };
  }
}

function given(address: IpAddress, { subnet, gateway }: Range): IPConfig {
  return { address: `${formatAddress(address)}/${subnet.length}`, gateway: formatAddress(gateway) };
}

/** IPAllocator.Get */
function allocate(
  store: Store,
  set: readonly Range[],
  index: number,
  id: string,
  wanted: IpAddress | undefined,
): IPConfig {
  const fail = (why: string) => new CniError(`failed to allocate for range ${index}: ${why}`);
  if (wanted) {
    const range = set.find((one) => inRange(one, wanted)) as Range;
    if (compareAddresses(wanted, range.gateway) === 0)
      throw fail(`requested ip ${formatAddress(wanted)} is subnet's gateway`);
    if (!store.reserve(wanted, index))
      throw fail(`requested IP address ${formatAddress(wanted)} is not available in range set ${shownSet(set)}`);
    return given(wanted, range);
  }
  for (const name of store.owned()) {
    const address = parseAddress(name.slice(name.lastIndexOf('/') + 1));
    if (address && set.some((range) => inRange(range, address)))
      throw fail(`${formatAddress(address)} has been allocated to ${id}, duplicate allocation is not allowed`);
  }
  for (const { address, range } of candidates(set, store.last(index)))
    if (store.reserve(address, index)) return given(address, range);
  throw fail(`no IP addresses available in range set: ${shownSet(set)}`);
}

export const hostLocal: Plugin = {
  add(call) {
    const { folder, sets, requested, routes } = settingsOf(call);
    const store = new Store(call, folder);
    const open = [...requested];
    const ips: IPConfig[] = [];
    try {
      for (const [index, set] of sets.entries()) {
        const at = open.findIndex((address) => set.some((range) => inRange(range, address)));
        const [wanted] = at < 0 ? [] : open.splice(at, 1);
        ips.push(allocate(store, set, index, call.containerId, wanted));
      }
      if (open.length > 0)
        throw new CniError(`failed to allocate all requested IPs: ${open.map(formatAddress).join(' ')}`);
      return { ...emptyResult(), ips, routes: routes.map((route) => ({ ...route })) };
    } catch (error) {
      if (ips.length > 0) store.release();
      throw error;
    }
  },
  check(call) {
    const { folder } = settingsOf(call);
    if (new Store(call, folder).owned().length === 0)
      throw new CniError(`host-local: Failed to find address added by container ${call.containerId}`);
  },
  del(call) {
    const { folder } = settingsOf(call);
    new Store(call, folder).release();
  },
};
