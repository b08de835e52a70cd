/** Which virtual service a packet is for (ip_vs_ctl.c:ip_vs_service_find()). */
import { IpvsFlag, IpvsMethod } from '../../src/ipvs-codes';
import { Protocol } from '../../src/terms';
import { none, packet, skb, some } from '../core/skb';
import { Ipvs, IpvsServer, IpvsService } from '../layout/ipvs';

export const FTP: u32 = 21;
export const FTP_DATA: u32 = 20;
const AH: u8 = 51;
const ESP: u8 = 50;

@inline
export function here(): Ipvs {
  return skb().netns.ipvs;
}

@inline
export function has(flag: IpvsFlag): bool {
  return (here().flags & flag) != 0;
}

/** IPVS has hooks here for packets of this family. */
export function balances(): bool {
  const s = skb();
  if (!some(s.netns.ipvs)) return false;
  return (s.netns.ipvs.flags & (packet().family == 4 ? IpvsFlag.FAMILY_4 : IpvsFlag.FAMILY_6)) != 0;
}

/** Protocols with ports, which are rewritten (ip_vs_protocol_init()). */
export function rewritesPorts(protocol: u8): bool {
  return protocol == <u8>Protocol.TCP || protocol == <u8>Protocol.UDP || protocol == <u8>Protocol.SCTP;
}

/** What IPVS knows. */
export function isKnown(protocol: u8): bool {
  return rewritesPorts(protocol) || protocol == AH || protocol == ESP;
}

@inline
export function serverAt(service: IpvsService, i: u32): IpvsServer {
  return changetype<IpvsServer>(service.servers + <usize>i * offsetof<IpvsServer>());
}

@inline
function serviceAt(services: usize, i: u32): IpvsService {
  return changetype<IpvsService>(services + <usize>i * offsetof<IpvsService>());
}

/** Does the service stand before one of these ends in the list? */
function isBefore(service: IpvsService, family: u8, protocol: u8, hi: u64, lo: u64, port: u32): bool {
  if (service.family != family) return service.family < family;
  if (service.protocol != protocol) return service.protocol < protocol;
  if (service.hi != hi) return service.hi < hi;
  if (service.lo != lo) return service.lo < lo;
  return <u32>service.port < port;
}

function find(family: u8, protocol: u8, hi: u64, lo: u64, port: u32): IpvsService {
  const ipvs = here();
  let from: u32 = 0;
  let to = ipvs.count;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (isBefore(serviceAt(ipvs.services, middle), family, protocol, hi, lo, port)) from = middle + 1;
    else to = middle;
  }
  if (from == ipvs.count) return none<IpvsService>();
  const service = serviceAt(ipvs.services, from);
  const same =
    service.family == family &&
    service.protocol == protocol &&
    service.hi == hi &&
    service.lo == lo &&
    <u32>service.port == port;
  return same ? service : none<IpvsService>();
}

/** A mark's service first, then that of the port, FTP's for data connections, that of every port. */
export function serviceFor(family: u8, protocol: u8, hi: u64, lo: u64, port: u32, mark: u32): IpvsService {
  const ipvs = here();
  for (let i: u32 = 0; i < ipvs.markCount && mark != 0; i++) {
    const service = serviceAt(ipvs.marks, i);
    if (service.mark == mark && service.family == family) return service;
  }
  const own = find(family, protocol, hi, lo, port);
  if (some(own)) return own;
  if (protocol == <u8>Protocol.TCP && (port == FTP_DATA || port >= ipvs.unprivileged)) {
    const ftp = find(family, protocol, hi, lo, FTP);
    if (some(ftp)) return ftp;
  }
  return find(family, protocol, hi, lo, 0);
}

function servesFrom(service: IpvsService, protocol: u8, hi: u64, lo: u64, port: u32): bool {
  if (service.family != packet().family || (service.mark == 0 && service.protocol != protocol)) return false;
  for (let i: u32 = 0; i < service.serverCount; i++) {
    const server = serverAt(service, i);
    if (server.method != <u8>IpvsMethod.MASQUERADE || <u32>server.port != port) continue;
    if (server.hi == hi && server.lo == lo) return true;
  }
  return false;
}

/** Is it a server's address and port (ip_vs_has_real_service())? */
export function isServer(protocol: u8, hi: u64, lo: u64, port: u32): bool {
  const ipvs = here();
  for (let i: u32 = 0; i < ipvs.count; i++) {
    if (servesFrom(serviceAt(ipvs.services, i), protocol, hi, lo, port)) return true;
  }
  for (let i: u32 = 0; i < ipvs.markCount; i++) {
    if (servesFrom(serviceAt(ipvs.marks, i), protocol, hi, lo, port)) return true;
  }
  return false;
}
