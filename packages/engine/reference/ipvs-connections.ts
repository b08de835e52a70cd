/** Connections of IPVS: ip_vs_conn_new, ip_vs_conn_in_get, ip_vs_conn_out_get, ip_vs_ct_in_get, ip_vs_conn_expire (net/netfilter/ipvs/ip_vs_conn.c). */
import { type Family, type IpvsServer, type IpvsService, Protocol } from '../src/index.ts';
import { findConnection, forget } from './conntrack.ts';
import type { Host } from './state.ts';

export interface IpvsConnection {
  family: Family;
  /** 0: a template for a firewall mark, which stands in `vaddr`. */
  protocol: number;
  caddr: string;
  cport: number;
  vaddr: string;
  vport: number;
  daddr: string;
  dport: number;
  service: IpvsService;
  server: IpvsServer;
  /** What a persistent service remembers of a client: no packet's own. */
  template: boolean;
  /** It is for one datagram, and nobody finds it. */
  onePacket: boolean;
  /** Conntrack keeps its packets' connection (IP_VS_CONN_F_NFCT). */
  tracked: boolean;
  /** Nothing has come back through here (IP_VS_CONN_F_NOOUTPUT). */
  silent: boolean;
  state: number;
  /** The template that it follows; how many follow this one. */
  control?: IpvsConnection;
  controls: number;
  timeoutMs: number;
  /** When it ends; milliseconds of the clock. */
  expires: number;
}

const AH = 51;
const ESP = 50;
/** What IPVS knows (ip_vs_protocol_init). */
const KNOWN: readonly number[] = [Protocol.TCP, Protocol.UDP, Protocol.SCTP, AH, ESP];
export const isKnown = (protocol: number): boolean => KNOWN.includes(protocol);
/** Those with ports that are rewritten. */
export const rewritesPorts = (protocol: number): boolean => isKnown(protocol) && protocol !== AH && protocol !== ESP;

const NEW_MS = 3000;
const CONTROLLING_MS = 60_000;
const ISAKMP = 500;

/** The ends of a packet. */
export interface Ends {
  family: Family;
  protocol: number;
  saddr: string;
  sport: number;
  daddr: string;
  dport: number;
}

export const reversed = ({ family, protocol, saddr, sport, daddr, dport }: Ends): Ends => ({
  family,
  protocol,
  saddr: daddr,
  sport: dport,
  daddr: saddr,
  dport: sport,
});

/** AH and ESP go with the exchange of their keys (ah_esp_conn_fill_param_proto). */
const keyed = (ends: Ends): Ends =>
  rewritesPorts(ends.protocol) ? ends : { ...ends, protocol: Protocol.UDP, sport: ISAKMP, dport: ISAKMP };

/** The newest one stands first (ip_vs_conn_hash). */
const newest = (host: Host, fits: (one: IpvsConnection) => boolean): IpvsConnection | undefined =>
  host.ipvs.findLast(fits);

/** From client to server. */
export function clientConnection(host: Host, packet: Ends): IpvsConnection | undefined {
  const { family, protocol, saddr, sport, daddr, dport } = keyed(packet);
  if (sport === 0) return undefined;
  return newest(
    host,
    (one) =>
      one.cport === sport &&
      one.vport === dport &&
      one.family === family &&
      one.caddr === saddr &&
      one.vaddr === daddr &&
      one.protocol === protocol,
  );
}

/** From server to client: with masquerading as the server has it. */
export function serverConnection(host: Host, packet: Ends): IpvsConnection | undefined {
  const { family, protocol, saddr, sport, daddr, dport } = keyed(packet);
  return newest(host, (one) => {
    const own =
      one.server.method === 'masquerade'
        ? { address: one.daddr, port: one.dport }
        : { address: one.vaddr, port: one.vport };
    return (
      one.cport === dport &&
      own.port === sport &&
      one.family === family &&
      one.caddr === daddr &&
      own.address === saddr &&
      one.protocol === protocol
    );
  });
}

export function templateOf(
  host: Host,
  { family, protocol, caddr, vaddr, vport }: Pick<IpvsConnection, 'family' | 'protocol' | 'caddr' | 'vaddr' | 'vport'>,
): IpvsConnection | undefined {
  return newest(
    host,
    (one) =>
      one.template &&
      one.family === family &&
      one.protocol === protocol &&
      one.caddr === caddr &&
      one.vaddr === vaddr &&
      one.vport === vport,
  );
}

type Fresh = Omit<IpvsConnection, 'silent' | 'state' | 'controls' | 'timeoutMs' | 'expires'>;

export function addConnection(host: Host, fresh: Fresh, clockMs: number): IpvsConnection {
  const { control } = fresh;
  if (control) control.controls++;
  const connection: IpvsConnection = {
    ...fresh,
    silent: fresh.server.method !== 'masquerade',
    state: 0,
    controls: 0,
    timeoutMs: NEW_MS,
    expires: clockMs + NEW_MS,
  };
  if (!fresh.onePacket) host.ipvs.push(connection);
  return connection;
}

/** Its time begins anew (ip_vs_conn_put); what was for one packet is over. */
export function release(connection: IpvsConnection, clockMs: number): void {
  connection.expires = clockMs + connection.timeoutMs;
  if (connection.onePacket && connection.control) connection.control.controls--;
}

/** Gone, and the connection of conntrack with it (ip_vs_conn_drop_conntrack). */
export function endConnection(host: Host, connection: IpvsConnection): void {
  host.ipvs = host.ipvs.filter((one) => one !== connection);
  if (connection.control) connection.control.controls--;
  if (!connection.tracked || connection.cport === 0) return;
  const { family, protocol, caddr: saddr, vaddr: daddr, cport: sport, vport: dport } = connection;
  const zone = { id: 0, original: true, reply: true };
  const found = findConnection(host, family, protocol, { saddr, daddr, sport, dport }, zone);
  if (found) forget(host, found.connection);
}

/** Ends what has no time left, first what ends first: one that others follow stays a minute more. */
export function expireIpvs(host: Host, clockMs: number): void {
  for (;;) {
    const over = host.ipvs.filter((one) => one.expires <= clockMs);
    if (over.length === 0) return;
    const first = over.reduce((a, b) => (b.expires < a.expires ? b : a));
    if (first.controls === 0) endConnection(host, first);
    else {
      first.timeoutMs = CONTROLLING_MS;
      first.expires += CONTROLLING_MS;
    }
  }
}
