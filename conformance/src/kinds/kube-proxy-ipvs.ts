/**
 * What kube-proxy in IPVS mode leaves on a node: virtual servers, ipsets, addresses on its link, and the text that it feeds to
 * iptables-restore.
 */
import {
  type EndpointSlice,
  type IPFamily,
  IpvsPlan,
  ipvsJumpLines,
  ipvsNames,
  ipvsRestoreText,
  type LocalDetector,
  nodePortAddressesOf,
  type Service,
} from '@podwire/model';
import { fail, type Kind, type Outcome, pass, type SuiteCase } from '../runner/contract.ts';
import { firstDifference, firstDifferentLine } from '../runner/difference.ts';
import { afterJumps, readTables, unquotedTables } from './kube-proxy-tables.ts';

interface IpvsCase {
  id: string;
  ipFamily: IPFamily;
  services: Service[] | null;
  endpointSlices: EndpointSlice[] | null;
  node: { name: string; ip?: string; interfaceAddresses: string[]; localAddresses: string[] };
  config: {
    excludeCIDRs: string[] | null;
    localDetector: LocalDetector;
    masqueradeAll: boolean;
    masqueradeMark: string;
    nodePortAddresses: string[];
    randomFully: boolean;
    scheduler: string;
    topologyLabels: Record<string, string> | null;
  };
  expect: {
    virtualServers: VirtualServer[] | null;
    ipsets: Record<string, { type: string; entries: string[] }>;
    boundAddresses: string[] | null;
    iptables: string;
    iptablesDump: string;
  };
}

interface VirtualServer {
  address: string;
  port: number;
  protocol: string;
  scheduler: string;
  flags: number;
  timeout: number;
  realServers: { address: string; port: number; weight: number }[] | null;
}

type State = Omit<IpvsCase['expect'], 'iptables' | 'iptablesDump'>;

/** The recorder's IPv6 sets bear the names of IPv4's. */
function plainNames(text: string, family: IPFamily): string {
  const words = new Map(ipvsNames.SET_NAMES.map((name) => [ipvsNames.setName(name, family), name as string]));
  return text.replace(/(?<=--match-set )\S+/g, (word) => words.get(word) ?? word);
}

/** As the recorder's kernel has them: persistent 1, source hash with port 16. */
function flagsOf(persistent: number | undefined, flags: string | undefined): number {
  return (persistent === undefined ? 0 : 1) + (flags === 'mh-port' ? 16 : 0);
}

function find(row: IpvsCase): { state: State; text: string } {
  const { config, ipFamily: family, node } = row;
  const { scheduler, localDetector, masqueradeAll, masqueradeMark, randomFully } = config;
  const objects = { services: row.services ?? [], endpointSlices: row.endpointSlices ?? [] };
  const nodePortAddresses = nodePortAddressesOf(family, config.nodePortAddresses);
  const { services, sets, bound, rules } = new IpvsPlan(objects, family, scheduler, () => {}).on(
    {
      place: { nodeName: node.name, zone: config.topologyLabels?.['topology.kubernetes.io/zone'] ?? '' },
      ...(node.ip !== undefined && { nodeIP: node.ip }),
      addresses: node.localAddresses,
      nodePortAddresses: node.interfaceAddresses,
    },
    { family, scheduler, localDetector, masqueradeAll, masqueradeMark, randomFully, nodePortAddresses },
  );
  const names = Object.fromEntries(ipvsNames.SET_NAMES.map((name) => [ipvsNames.setName(name, family), name]));
  const ipsets = Object.fromEntries(
    sets.flatMap(({ name, type, entries }) =>
      entries.length === 0 ? [] : [[names[name] ?? name, { type, entries: entries.map(({ value }) => value) }]],
    ),
  );
  return {
    state: {
      virtualServers: services.map(({ protocol, address, port, servers, persistent, flags, ...service }) => ({
        address: address ?? '',
        port: port ?? 0,
        protocol: (protocol ?? '').toUpperCase(),
        scheduler: service.scheduler,
        flags: flagsOf(persistent, flags),
        timeout: persistent ?? 0,
        realServers: servers.map((server) => ({ address: server.address, port: server.port, weight: server.weight })),
      })),
      ipsets,
      boundAddresses: bound.map(({ ip }) => ip),
    },
    text: plainNames(ipvsRestoreText(rules), family),
  };
}

const bySort = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** Lists as sets, each thing under its name. */
function comparable({ virtualServers, ipsets, boundAddresses }: State): unknown {
  const servers = (list: VirtualServer['realServers']) =>
    (list ?? []).map(({ address, port, weight }) => `${address} ${port} weight ${weight}`).sort(bySort);
  return {
    virtualServers: Object.fromEntries(
      (virtualServers ?? []).map(({ address, port, protocol, realServers, ...rest }) => [
        `${protocol} ${address} ${port}`,
        { ...rest, realServers: servers(realServers) },
      ]),
    ),
    ipsets: Object.fromEntries(
      Object.entries(ipsets).map(([name, { type, entries }]) => [name, { type, entries: [...entries].sort(bySort) }]),
    ),
    boundAddresses: [...(boundAddresses ?? [])].sort(bySort),
  };
}

function judge(row: IpvsCase): Outcome {
  const { state, text } = find(row);
  const { iptables, iptablesDump, ...expected } = row.expect;
  const wrong =
    firstDifference(comparable(expected), comparable(state), 'state') ??
    firstDifferentLine(iptables, text) ??
    firstDifference(
      unquotedTables(readTables(iptablesDump)),
      unquotedTables(afterJumps(readTables(text), ipvsJumpLines())),
      'dump',
    );
  return wrong === undefined ? pass : fail(wrong);
}

export const kubeProxyIpvs: Kind = {
  kind: 'kube-proxy-ipvs',
  *cases(suite): Generator<SuiteCase> {
    for (const row of suite.jsonLines<IpvsCase>('cases.jsonl')) {
      yield { id: row.id, variant: row.ipFamily, run: () => judge(row) };
    }
  },
};
