/** `ip addr`: net/ipv4/devinet.c:inet_rtm_newaddr, net/ipv6/addrconf.c:inet6_rtm_newaddr. */
import {
  type Address,
  type Words as AddressWords,
  type Family,
  formatAddress,
  formatPrefix,
  isSecondary,
  maskOf,
  networkOf,
  parsePrefix,
} from '@podwire/engine';
import { addConnected, dropConnected } from './connected.ts';
import { familyOf, type Host, isLinkLocal6, linkNamed, ownAddress } from './host.ts';
import { scopeNumber, scopeOf } from './names.ts';
import { IpRefusal, kernelError, kernelSays, usage } from './refusal.ts';
import { prefixOf, type Words } from './words.ts';

function read(words: Words, family: Family | undefined): Address {
  let local: string | undefined;
  let dev: string | undefined;
  const rest: Omit<Address, 'link' | 'address'> = {};
  while (!words.done) {
    const word = words.next();
    switch (word) {
      case 'dev':
        dev = words.next('device');
        break;
      case 'peer':
      case 'remote':
        rest.peer = formatPrefix(prefixOf(words.next('peer'), family));
        break;
      case 'broadcast':
      case 'brd':
        rest.broadcast = words.next('broadcast');
        break;
      case 'scope':
        rest.scope = scopeOf(words.next('scope'));
        break;
      case 'metric':
      case 'priority':
      case 'preference':
        rest.metric = words.number('metric');
        break;
      case 'noprefixroute':
        rest.noprefixroute = true;
        break;
      case 'label':
        words.next('label');
        break;
      case 'valid_lft':
      case 'preferred_lft': {
        const time = words.next(word);
        if (word === 'preferred_lft' && time === '0') rest.deprecated = true;
        break;
      }
      case 'nodad':
      case 'home':
      case 'mngtmpaddr':
      case 'autojoin':
        break;
      default: {
        const text = word === 'local' ? words.next('address') : word;
        if (local !== undefined) throw usage(`either "local" is duplicate, or "${text}" is a garbage.`);
        local = formatPrefix(prefixOf(text, family));
      }
    }
  }
  if (dev === undefined) throw new IpRefusal('Not enough information: "dev" argument is required.');
  return { link: dev, address: local ?? '', ...rest };
}

/** `brd +` sets the host bits, `brd -` clears them. */
function settleBroadcast(address: Address): Address {
  const { broadcast } = address;
  if (broadcast !== '+' && broadcast !== '-') return address;
  const prefix = parsePrefix(address.address);
  if (prefix?.family !== 4) throw new IpRefusal('Broadcast can be set only for IPv4 addresses');
  if (prefix.length > 30) {
    const { broadcast: _none, ...rest } = address;
    return rest;
  }
  const mask = maskOf(4, prefix.length);
  const words = prefix.words.map((w, i) => {
    const m = mask[i] ?? 0;
    return (broadcast === '+' ? (w & m) | ~m : w & m) >>> 0;
  });
  return { ...address, broadcast: formatAddress({ family: 4, words: [0, 0, 0, words[3] ?? 0] as AddressWords }) };
}

function subnet(address: Address): string {
  const own = prefixOf(address.address);
  const base = address.peer === undefined ? own : prefixOf(address.peer);
  return formatPrefix(networkOf(base));
}

function hostPart(address: Address): string {
  return address.address.slice(0, address.address.indexOf('/'));
}

function addAddress4(host: Host, address: Address): void {
  const { addresses } = host.netns;
  const scope = address.scope ?? (address.address.startsWith('127.') ? 'host' : 'global');
  const peers = addresses.filter((a) => a.link === address.link && familyOf(a.address) === 4);
  const alike = peers.filter((a) => subnet(a) === subnet(address));
  for (const other of alike) {
    if (hostPart(other) === hostPart(address)) throw kernelSays('ipv4: Address already assigned', 'EEXIST');
    if ((other.scope ?? 'global') !== scope) throw kernelSays('ipv4: Invalid scope value');
  }
  const made: Address = { ...address, ...(scope !== 'global' && { scope }) };
  // Primary addresses stand before secondary ones, those of the nearer scope first (inet_insert_ifa).
  let at = addresses.findLastIndex((a) => a.link === address.link) + 1;
  if (alike.length === 0) {
    const before = peers.filter(
      (a) => !isSecondary(a, addresses) && scopeNumber(scope) <= scopeNumber(a.scope ?? 'global'),
    );
    const last = before.at(-1);
    const [first] = peers;
    at = last ? addresses.indexOf(last) + 1 : first ? addresses.indexOf(first) : addresses.length;
  } else if (at === 0) at = addresses.length;
  addresses.splice(at, 0, made);
  addConnected(host, made);
}

function addAddress6(host: Host, address: Address): void {
  const { addresses } = host.netns;
  const own = hostPart(address);
  const there = addresses.some((a) => a.link === address.link && hostPart(a) === own);
  if (there) throw kernelSays('ipv6: address already assigned', 'EEXIST');
  const scope = address.scope ?? (isLinkLocal6(own) ? 'link' : own === '::1' ? 'host' : 'global');
  const made: Address = { ...address, ...(scope !== 'global' && { scope }) };
  // The list is kept by scope, the newest first within one (ipv6_link_dev_addr).
  const peers = addresses.filter((a) => a.link === address.link && familyOf(a.address) === 6);
  const next = peers.find((a) => scopeNumber(a.scope ?? 'global') >= scopeNumber(scope));
  const last = addresses.findLastIndex((a) => a.link === address.link);
  addresses.splice(next ? addresses.indexOf(next) : last < 0 ? addresses.length : last + 1, 0, made);
  addConnected(host, made);
}

export function addAddress(host: Host, address: Address): void {
  if (familyOf(address.address) === 4) addAddress4(host, address);
  else addAddress6(host, address);
}

function removeAddress(host: Host, address: Address): void {
  const { netns } = host;
  const secondary = isSecondary(address, netns.addresses);
  const follow =
    familyOf(address.address) === 4 && !secondary
      ? netns.addresses.filter((a) => a !== address && a.link === address.link && subnet(a) === subnet(address))
      : [];
  const promote = Number(netns.sysctls['net.ipv4.conf.all.promote_secondaries'] ?? 0) !== 0;
  netns.addresses = netns.addresses.filter((a) => a !== address && (promote || !follow.includes(a)));
  dropConnected(host, address);
  for (const other of promote ? follow : []) addConnected(host, other);
  // Routes that prefer a source that is gone go with it (fib_sync_down_addr); IPv6 ones only forget it.
  const gone = [address, ...(promote ? [] : follow)].map(hostPart).filter((own) => !ownAddress(netns, own));
  for (const table of netns.tables) {
    table.routes = table.routes.flatMap((route) => {
      if (route.prefsrc === undefined || !gone.includes(route.prefsrc)) return [route];
      if (route.family === 4) return [];
      const { prefsrc: _gone, ...rest } = route;
      return [rest];
    });
  }
}

export function changeAddress(host: Host, verb: string, words: Words, family: Family | undefined): void {
  const { netns } = host;
  if (verb === 'flush') {
    const dev = words.take('dev') ? words.next('device') : undefined;
    const fits = (a: Address) =>
      (dev === undefined || a.link === dev) && (family === undefined || familyOf(a.address) === family);
    for (const address of netns.addresses.filter(fits))
      if (netns.addresses.includes(address)) removeAddress(host, address);
    return;
  }
  const address = settleBroadcast(read(words, family));
  linkNamed(netns, address.link);
  const found = netns.addresses.find((a) => a.link === address.link && hostPart(a) === hostPart(address));
  switch (verb) {
    case 'add':
      addAddress(host, address);
      return;
    case 'replace':
    case 'change':
      if (found) netns.addresses = netns.addresses.filter((a) => a !== found);
      if (!found && verb === 'change') throw kernelError('ENOENT');
      addAddress(host, address);
      return;
    case 'del':
    case 'delete':
      if (
        !found ||
        (address.address !== found.address &&
          !address.address.endsWith(familyOf(address.address) === 4 ? '/32' : '/128'))
      ) {
        const text = familyOf(address.address) === 4 ? 'ipv4: Address not found' : 'ipv6: address not found';
        throw kernelSays(text, 'EADDRNOTAVAIL');
      }
      removeAddress(host, found);
      return;
    default:
      throw new IpRefusal(`Command "${verb}" is unknown, try "ip address help".`);
  }
}
