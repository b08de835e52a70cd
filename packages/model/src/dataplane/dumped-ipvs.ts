/** IPVS on nodes that were dumped: what `ipvsadm` and `ipset` show takes the place of what was compiled; what nobody listed stays as compiled. */
import type { IpvsServer, IpvsService, Netns } from '@podwire/engine';
import type { Assembled } from '../linux/node/index.ts';
import type { Problem } from '../problem.ts';
import { DUMMY_LINK } from '../proxy/ipvs/names.ts';

const keyOf = ({ protocol, address, port, fwmark, ipv6 }: IpvsService) =>
  protocol === undefined ? `mark ${fwmark} ${ipv6 === true}` : `${protocol} ${address} ${port}`;

/** Services of a dump say no more than the tool does: whose they are is known where kube-proxy would have made the same ones. */
function withCauses(service: IpvsService, compiled: IpvsService | undefined): IpvsService {
  if (!compiled) return service;
  const causeOf = ({ address, port }: IpvsServer) =>
    compiled.servers.find((server) => server.address === address && server.port === port)?.cause;
  const servers = service.servers.map((server) => {
    const cause = causeOf(server);
    return cause === undefined ? server : { ...server, cause };
  });
  return { ...service, servers, ...(compiled.cause !== undefined && { cause: compiled.cause }) };
}

/** Lines of a listing that name services alone: kube-proxy gives the same servers to all services of one port. */
function withNamed(services: readonly IpvsService[], { netns, namedIpvs }: Assembled, problems: Problem[]) {
  const known = new Set(services.map(keyOf));
  const all = [...services];
  const lost: string[] = [];
  for (const named of namedIpvs) {
    if (known.has(keyOf(named))) continue;
    known.add(keyOf(named));
    const alike = services.find(
      ({ protocol, port, address }) =>
        protocol === named.protocol && port === named.port && address?.includes(':') === named.address?.includes(':'),
    );
    if (alike) all.push({ ...named, servers: alike.servers, ...(alike.cause !== undefined && { cause: alike.cause }) });
    else lost.push(named.protocol === undefined ? `mark ${named.fwmark}` : `${named.address} port ${named.port}`);
  }
  if (lost.length > 0) {
    problems.push({
      severity: 'warning',
      code: 'dump-ipvs-servers',
      message: `${netns.name}: virtual services whose real servers are not in the dump are left out: ${lost.join(', ')}`,
      mend: 'Give the output of "ipvsadm -Ln" as it is.',
    });
  }
  return all;
}

/** @param compiled The node as podwire makes it. */
export function dumpedIpvs(
  dumped: Assembled,
  compiled: Netns,
  isPart: boolean,
): { parts: Pick<Netns, 'ipvs' | 'sets'>; problems: Problem[] } {
  const { netns, shown, namedIpvs } = dumped;
  const problems: Problem[] = [];
  const isListed = shown.has('ipvs-save') || (shown.has('ipvs-list') && namedIpvs.length === 0);
  const runs = isPart || netns.links.some(({ name }) => name === DUMMY_LINK);
  if (compiled.ipvs && !runs) {
    problems.push({
      severity: 'warning',
      code: 'dump-no-ipvs',
      message: `${netns.name}: kube-proxy is configured for IPVS mode, but the node has no link ${DUMMY_LINK}: it does not run so there`,
      mend: 'Look at the log of kube-proxy on this node: the kernel modules ip_vs, ip_vs_rr and nf_conntrack and the program ipset may be missing.',
    });
  }
  const own = new Map((compiled.ipvs ?? []).map((service) => [keyOf(service), service]));
  const listed = isListed
    ? (netns.ipvs ?? []).map((service) => withCauses(service, own.get(keyOf(service))))
    : runs
      ? (compiled.ipvs ?? [])
      : [];
  const services = withNamed(listed, dumped, problems);
  const dumpedSets = new Set((netns.sets ?? []).map(({ name }) => name));
  const kept = runs ? (compiled.sets ?? []).filter(({ name }) => !dumpedSets.has(name)) : [];
  const sets = [...kept, ...(netns.sets ?? [])];
  return { parts: { ...(services.length > 0 && { ipvs: services }), ...(sets.length > 0 && { sets }) }, problems };
}
