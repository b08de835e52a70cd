/** Connections of IPVS (ip_vs_conn.c): found by the ends of the client's packets and of the server's, listed in the order they were made. */
import { IpvsMethod } from '../../src/ipvs-codes';
import { Protocol } from '../../src/terms';
import { now } from '../core/clock';
import { allocate } from '../core/memory';
import { none, skb, some } from '../core/skb';
import { flowFind, flowKill } from '../ct/flows';
import { TupleTable, tableFirst, tableInsert, tableNext, tableRemove, tableReset } from '../ct/table';
import { Tuple } from '../layout/flow';
import { IpvsServer, IpvsService } from '../layout/ipvs';
import { Netns } from '../layout/netns';
import { Packet } from '../layout/packet';
import { rewritesPorts } from './services';

export enum ConnectionFlag {
  TEMPLATE = 1,
  /** For one datagram: nobody finds it. */
  ONE_PACKET = 2,
  /** Conntrack keeps its packets' connection (IP_VS_CONN_F_NFCT). */
  TRACKED = 4,
  /** Nothing has come back through here (IP_VS_CONN_F_NOOUTPUT). */
  SILENT = 8,
  /** The client's ends are in the table. */
  LISTED = 16,
}

/** The ends as the client's packets have them come first, then as the server's do. */
@unmanaged
export class Connection {
  cSaddrHi: u64;
  cSaddrLo: u64;
  cDaddrHi: u64;
  cDaddrLo: u64;
  cNetns: u32;
  cSport: u16;
  cDport: u16;
  /** 1: a template's. */
  cZone: u16;
  cFamily: u8;
  cProtocol: u8;
  cNext: u32;
  sSaddrHi: u64;
  sSaddrLo: u64;
  sDaddrHi: u64;
  sDaddrLo: u64;
  sNetns: u32;
  sSport: u16;
  sDport: u16;
  sZone: u16;
  sFamily: u8;
  sProtocol: u8;
  sNext: u32;
  daddrHi: u64;
  daddrLo: u64;
  expires: u64;
  /** When the last of those that follow it ends. */
  lastEnd: u64;
  netns: Netns;
  service: IpvsService;
  server: IpvsServer;
  /** The template that it follows. */
  control: Connection;
  next: Connection;
  previous: Connection;
  /** How many follow it. */
  controls: u32;
  /** Seconds. */
  timeout: u32;
  dport: u16;
  state: u8;
  flags: u8;
}

const CLIENTS = changetype<TupleTable>(memory.data(offsetof<TupleTable>(), 8));
const SERVERS = changetype<TupleTable>(memory.data(offsetof<TupleTable>(), 8));
const KEY = changetype<Tuple>(memory.data(offsetof<Tuple>() + 4, 8));

const NEW_SECONDS: u32 = 3;
const CONTROLLING_SECONDS: u32 = 60;
const ISAKMP: u16 = 500;
const NO_PORT: u16 = 0xffff;
/** Zones tell templates from connections. */
const TEMPLATE_ZONE: u16 = 1;

let first: Connection = none<Connection>();
let last: Connection = none<Connection>();
let spare: Connection = none<Connection>();

export function connectionsReset(): void {
  tableReset(CLIENTS);
  tableReset(SERVERS);
  first = none<Connection>();
  last = none<Connection>();
  spare = none<Connection>();
}

@inline
function serverTuple(one: Connection): usize {
  return changetype<usize>(one) + offsetof<Connection>('sSaddrHi');
}

@inline
export function is(one: Connection, flag: ConnectionFlag): bool {
  return (one.flags & <u8>flag) != 0;
}

/** KEY: the ends of the packet, turned round or not. AH and ESP go with the exchange of their keys (ah_esp_conn_fill_param_proto()). */
function fill(p: Packet, turned: bool): void {
  const ports = rewritesPorts(p.protocol);
  KEY.saddrHi = turned ? p.daddrHi : p.saddrHi;
  KEY.saddrLo = turned ? p.daddrLo : p.saddrLo;
  KEY.daddrHi = turned ? p.saddrHi : p.daddrHi;
  KEY.daddrLo = turned ? p.saddrLo : p.daddrLo;
  KEY.netns = skb().netns.id;
  KEY.sport = !ports ? ISAKMP : turned ? p.dport : p.sport;
  KEY.dport = !ports ? ISAKMP : turned ? p.sport : p.dport;
  KEY.zone = 0;
  KEY.family = p.family;
  KEY.protocol = ports ? p.protocol : <u8>Protocol.UDP;
}

/** The newest record of KEY (ip_vs_conn_hash() puts it in front); 0: none. */
function newest(table: TupleTable): usize {
  let at = tableFirst(table, changetype<usize>(KEY));
  let found: usize = 0;
  while (at != 0) {
    found = at;
    at = tableNext();
  }
  return found;
}

/** From client to server; `turned`: the packet goes the other way. */
export function clientConnection(p: Packet, turned: bool): Connection {
  fill(p, turned);
  return KEY.sport == 0 ? none<Connection>() : changetype<Connection>(newest(CLIENTS));
}

/** From server to client. */
export function serverConnection(p: Packet, turned: bool): Connection {
  fill(p, turned);
  const at = newest(SERVERS);
  return at == 0 ? none<Connection>() : changetype<Connection>(at - offsetof<Connection>('sSaddrHi'));
}

/** KEY becomes that of the template of a client's network. */
export function fillTemplate(family: u8, protocol: u8, cHi: u64, cLo: u64, vHi: u64, vLo: u64, vport: u32): void {
  KEY.saddrHi = cHi;
  KEY.saddrLo = cLo;
  KEY.daddrHi = vHi;
  KEY.daddrLo = vLo;
  KEY.netns = skb().netns.id;
  KEY.sport = 0;
  KEY.dport = <u16>vport;
  KEY.zone = TEMPLATE_ZONE;
  KEY.family = family;
  KEY.protocol = protocol;
}

/** The template of KEY. */
export function templateOf(): Connection {
  return changetype<Connection>(newest(CLIENTS));
}

/** KEY becomes that of a packet's own connection. */
export function fillClient(p: Packet): void {
  fill(p, false);
}

/** A connection of KEY. Null where there is no memory. */
export function addConnection(
  service: IpvsService,
  server: IpvsServer,
  dport: u16,
  flags: u8,
  control: Connection,
): Connection {
  let one = spare;
  if (some(one)) spare = one.next;
  else one = changetype<Connection>(allocate(offsetof<Connection>()));
  if (!some(one)) return one;
  memory.fill(changetype<usize>(one), 0, offsetof<Connection>());
  memory.copy(changetype<usize>(one), changetype<usize>(KEY), offsetof<Tuple>());
  const masquerades = server.method == <u8>IpvsMethod.MASQUERADE;
  one.sSaddrHi = masquerades ? server.hi : one.cDaddrHi;
  one.sSaddrLo = masquerades ? server.lo : one.cDaddrLo;
  one.sDaddrHi = one.cSaddrHi;
  one.sDaddrLo = one.cSaddrLo;
  one.sNetns = one.cNetns;
  one.sSport = masquerades ? dport : one.cDport;
  one.sDport = one.cSport;
  one.sFamily = one.cFamily;
  one.sProtocol = one.cProtocol;
  one.daddrHi = server.hi;
  one.daddrLo = server.lo;
  one.netns = skb().netns;
  one.service = service;
  one.server = server;
  one.control = control;
  if (some(control)) control.controls++;
  one.timeout = NEW_SECONDS;
  one.expires = now() + <u64>NEW_SECONDS * 1000;
  one.dport = dport;
  one.flags = flags | (masquerades ? 0 : <u8>ConnectionFlag.SILENT);
  if (is(one, ConnectionFlag.ONE_PACKET)) return one;
  one.flags |= <u8>ConnectionFlag.LISTED;
  tableInsert(CLIENTS, changetype<usize>(one), 0);
  // A template too, which a packet between the ports 0 finds.
  tableInsert(SERVERS, serverTuple(one), 0);
  one.previous = last;
  if (some(last)) last.next = one;
  else first = one;
  last = one;
  return one;
}

/** Its time begins anew (ip_vs_conn_put()); what was for one packet is over. */
export function release(one: Connection): void {
  one.expires = now() + <u64>one.timeout * 1000;
  if (!is(one, ConnectionFlag.ONE_PACKET)) return;
  if (some(one.control)) one.control.controls--;
  one.next = spare;
  spare = one;
}

/** Nobody finds a template any more whose server is to have no more clients (ip_vs_check_template()). */
export function hide(one: Connection): void {
  tableRemove(CLIENTS, changetype<usize>(one));
  one.flags &= ~<u8>ConnectionFlag.LISTED;
  tableRemove(SERVERS, serverTuple(one));
  one.sSport = NO_PORT;
  one.dport = NO_PORT;
  one.cDport = NO_PORT;
  tableInsert(SERVERS, serverTuple(one), 0);
}

/** ip_vs_conn_drop_conntrack() */
function dropFlow(one: Connection): void {
  if (!is(one, ConnectionFlag.TRACKED) || one.cSport == 0) return;
  memory.copy(changetype<usize>(KEY), changetype<usize>(one), offsetof<Tuple>());
  KEY.zone = 0;
  const flow = flowFind(KEY, 0, 3);
  if (some(flow)) flowKill(flow);
}

/** Gone, and the connection of conntrack with it. */
export function endConnection(one: Connection): void {
  if (is(one, ConnectionFlag.LISTED)) tableRemove(CLIENTS, changetype<usize>(one));
  tableRemove(SERVERS, serverTuple(one));
  if (some(one.previous)) one.previous.next = one.next;
  else first = one.next;
  if (some(one.next)) one.next.previous = one.previous;
  else last = one.previous;
  if (some(one.control)) one.control.controls--;
  dropFlow(one);
  one.next = spare;
  spare = one;
}

/** Whether the template is over: each minute behind its time it looks whether any that follow it are still there (ip_vs_conn_expire()). */
function isOver(template: Connection): bool {
  while (template.expires <= now()) {
    if (template.controls == 0 || template.lastEnd < template.expires) return true;
    template.timeout = CONTROLLING_SECONDS;
    template.expires += <u64>CONTROLLING_SECONDS * 1000;
  }
  return false;
}

/** Ends what has no time left. */
export function connectionsExpire(): void {
  for (let one = first; some(one); one = one.next) one.lastEnd = 0;
  for (let one = first; some(one); one = one.next) {
    if (some(one.control)) one.control.lastEnd = max(one.control.lastEnd, one.expires);
  }
  let one = first;
  while (some(one)) {
    const next = one.next;
    const over = is(one, ConnectionFlag.TEMPLATE) ? isOver(one) : one.expires <= now();
    // Those that follow a template which is over are over before it, and stand behind it.
    if (over) endConnection(one);
    one = next;
  }
}
