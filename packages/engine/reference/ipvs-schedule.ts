/** Which virtual service a packet is for, and which server takes it: ip_vs_service_find (ip_vs_ctl.c), ip_vs_{rr,wrr,sh,dh,mh,fo,...}.c. */
import {
  type Choice,
  ChoiceKind,
  type Family,
  type IpvsServer,
  type IpvsService,
  Protocol,
  sysctl,
} from '../src/index.ts';
import { canonical } from './addresses.ts';
import { choose } from './choice.ts';
import type { Ends } from './ipvs-connections.ts';
import type { Host, Run } from './state.ts';

export const FTP = 21;
export const FTP_DATA = 20;

const PROTOCOLS: Readonly<Record<NonNullable<IpvsService['protocol']>, number>> = {
  tcp: Protocol.TCP,
  udp: Protocol.UDP,
  sctp: Protocol.SCTP,
};

export const protocolOf = ({ protocol }: IpvsService): number | undefined => protocol && PROTOCOLS[protocol];

export function familyOf({ address, ipv6 }: IpvsService): Family {
  if (address === undefined) return ipv6 ? 6 : 4;
  return address.includes(':') ? 6 : 4;
}

/** `net.ipv4.vs.NAME` */
export const setting = (host: Host, name: string): number => sysctl(host.netns.sysctls, `net.ipv4.vs.${name}`);

/** A mark's service first, then that of the port, FTP's for data connections, that of every port. */
export function serviceFor(
  host: Host,
  { family, protocol, daddr, dport }: Ends,
  mark: number,
): IpvsService | undefined {
  const services = (host.netns.ipvs ?? []).filter((service) => familyOf(service) === family);
  const marked = mark === 0 ? undefined : services.find((service) => service.fwmark === mark);
  if (marked) return marked;
  const at = (port: number) =>
    services.find(
      (service) =>
        protocolOf(service) === protocol &&
        canonical(service.address ?? '::') === daddr &&
        (service.port ?? 0) === port,
    );
  const unprivileged = sysctl(host.netns.sysctls, 'net.ipv4.ip_unprivileged_port_start');
  const isData = protocol === Protocol.TCP && (dport === FTP_DATA || dport >= unprivileged);
  return at(dport) ?? (isData ? at(FTP) : undefined) ?? at(0);
}

/** A choice that is asked once in a script. */
function remembered(run: Run, key: string, ask: () => number): number {
  const { picks } = run.world;
  const before = picks.get(key);
  if (before !== undefined) return before;
  const taken = ask();
  picks.set(key, taken);
  return taken;
}

const numberOf = (host: Host, service: IpvsService): string =>
  `${host.order} ${host.netns.ipvs?.indexOf(service) ?? -1}`;

/** More connections than its upper threshold? Nobody knows. */
function isOverloaded(run: Run, host: Host, service: IpvsService, server: IpvsServer): boolean {
  const { upper } = server;
  if (!upper) return false;
  const key = `${numberOf(host, service)} upper ${service.servers.indexOf(server)}`;
  const choice = { kind: ChoiceKind.UNMODELLED, alternatives: 2, netns: host.netns.name };
  const text = `upper threshold ${upper} of ${server.address}`;
  return remembered(run, key, () => choose(run, { ...choice, text })) !== 0;
}

/** Schedulers that go by a hash of the ends, whose table depends on the order in which servers came. */
function hashOf({ scheduler, flags = '' }: IpvsService, { saddr, sport, daddr }: Ends): string | undefined {
  const has = (flag: string) => flags.split(',').includes(flag);
  if (scheduler === 'dh') return daddr;
  if (scheduler === 'sh') return has('sh-port') || has('flag-2') ? `${saddr} ${sport}` : saddr;
  if (scheduler === 'mh') return has('mh-port') || has('flag-2') ? `${saddr} ${sport}` : saddr;
  return undefined;
}

const fallsBack = ({ scheduler, flags = '' }: IpvsService): boolean =>
  scheduler !== 'dh' && flags.split(',').some((flag) => flag === `${scheduler}-fallback` || flag === 'flag-1');

/** Odds that are known. */
function weightsFor({ scheduler }: IpvsService, servers: readonly IpvsServer[]): number[] | undefined {
  if (scheduler === 'rr') return servers.map(() => 1);
  return scheduler === 'wrr' ? servers.map(({ weight }) => weight) : undefined;
}

function oneOf(run: Run, host: Host, service: IpvsService, servers: readonly IpvsServer[]): IpvsServer | undefined {
  if (servers.length <= 1) return servers[0];
  const weights = weightsFor(service, servers);
  const choice: Omit<Choice, 'taken'> = {
    kind: ChoiceKind.SERVER,
    alternatives: servers.length,
    ...(weights && { weights }),
    netns: host.netns.name,
    service,
  };
  return servers[choose(run, choice)];
}

/** The server for a new connection; undefined: none may take it. */
export function schedule(run: Run, host: Host, service: IpvsService, ends: Ends): IpvsServer | undefined {
  const { servers, scheduler } = service;
  const free = servers.filter((server) => server.weight > 0 && !isOverloaded(run, host, service, server));
  const pick = (key: string, from: readonly IpvsServer[]) => {
    const known = `${numberOf(host, service)} ${key}`;
    const at = remembered(run, known, () => {
      const server = oneOf(run, host, service, from);
      return server ? servers.indexOf(server) : -1;
    });
    return servers[at];
  };
  const hash = hashOf(service, ends);
  if (hash !== undefined) {
    const picked = pick(hash, fallsBack(service) ? free : servers);
    return picked && free.includes(picked) ? picked : undefined;
  }
  // A client's or an address's first server stays its own while it can.
  if (scheduler === 'lblc' || scheduler === 'lblcr') return pick(ends.daddr, free);
  if (scheduler === 'fo') {
    const most = Math.max(0, ...free.map(({ weight }) => weight));
    return oneOf(
      run,
      host,
      service,
      free.filter(({ weight }) => weight === most),
    );
  }
  return oneOf(run, host, service, free);
}
