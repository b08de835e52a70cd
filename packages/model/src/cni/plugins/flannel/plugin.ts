/** flannel: hands on to another plugin what flanneld wrote into subnet.env (github.com/flannel-io/cni-plugin). */
import type { Host } from '../../host/host.ts';
import { type Call, CniError, type Plugin, Unmodelled } from '../../runtime/call.ts';
import { type Conf, has, list, object, text } from '../../runtime/conf.ts';
import type { Result, RouteConfig } from '../../runtime/result.ts';
import { networkText } from '../../shared/address.ts';
import { bridge } from '../bridge/plugin.ts';
import { ptp } from '../ptp/plugin.ts';

/** Plugins that it is set to hand on to. */
const DELEGATES: Readonly<Record<string, Plugin>> = { bridge, ptp };

interface SubnetFile {
  networks: string[];
  subnets: string[];
  mtu: number;
  masquerades: boolean;
}

function subnetFile({ files }: Host, path: string): SubnetFile {
  const fail = (why: string) =>
    new CniError(`failed to load flannel 'subnet.env' file: ${why}. Check the flannel pod log for this node.`);
  const content = files.get(path);
  if (content === undefined) throw fail(`open ${path}: no such file or directory`);
  const values = new Map(
    content.split('\n').map((line): [string, string] => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
  const lists = (...names: string[]) =>
    names.flatMap((name) =>
      (values.get(name) ?? '')
        .split(',')
        .filter((one) => one !== '')
        .map(networkText),
    );
  const networks = lists('FLANNEL_NETWORK', 'FLANNEL_IPV6_NETWORK');
  const subnets = lists('FLANNEL_SUBNET', 'FLANNEL_IPV6_SUBNET');
  const missing = [
    ...(networks.length === 0 ? ['FLANNEL_NETWORK', 'FLANNEL_IPV6_NETWORK'] : []),
    ...(subnets.length === 0 ? ['FLANNEL_SUBNET', 'FLANNEL_IPV6_SUBNET'] : []),
    ...['FLANNEL_MTU', 'FLANNEL_IPMASQ'].filter((name) => !values.has(name)),
  ];
  if (missing.length > 0) throw fail(`${path} is missing ${missing.join(', ')}`);
  return {
    networks,
    subnets,
    mtu: Number(values.get('FLANNEL_MTU')),
    masquerades: values.get('FLANNEL_IPMASQ') === 'true',
  };
}

/** Go writes keys of maps in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, one]) => [key, sorted(one)]));
}

/** doCmdAdd: what the delegate is told. */
function delegated({ conf, host }: Call): Conf {
  const given = object(conf, 'delegate');
  const env = subnetFile(host, text(conf, 'subnetFile') || '/run/flannel/subnet.env');
  if (has(given, 'type') && typeof given.type !== 'string')
    throw new CniError("'delegate' dictionary, if present, must have (string) 'type' field");
  for (const field of ['name', 'ipam'])
    if (has(given, field))
      throw new CniError(`'delegate' dictionary must not have '${field}' field, it'll be set by flannel`);
  const type = text(given, 'type') ?? 'bridge';
  const ipam = object(conf, 'ipam');
  return {
    ipMasq: !env.masquerades,
    mtu: env.mtu,
    ...(type === 'bridge' && { isGateway: true }),
    ...given,
    ...(has(conf, 'runtimeConfig') && { runtimeConfig: conf.runtimeConfig }),
    type,
    name: conf.name,
    cniVersion: conf.cniVersion,
    ipam: {
      type: 'host-local',
      ...ipam,
      ranges: env.subnets.map((subnet) => [{ subnet }]),
      routes: [...list<RouteConfig>(ipam, 'routes'), ...env.networks.map((dst) => ({ dst }))],
    },
  };
}

const fileOf = ({ conf, containerId }: Call) => `${text(conf, 'dataDir') || '/var/lib/cni/flannel'}/${containerId}`;

function delegateOf(type: string): Plugin {
  const found = Object.hasOwn(DELEGATES, type) ? DELEGATES[type] : undefined;
  if (!found) throw new Unmodelled(`flannel that hands on to ${type} is not modelled`);
  return found;
}

export const flannel: Plugin = {
  add(call): Result {
    const conf = delegated(call);
    call.host.files.set(fileOf(call), JSON.stringify(sorted(conf)));
    try {
      return delegateOf(conf.type).add({ ...call, conf });
    } catch (error) {
      if (!(error instanceof CniError)) throw error;
      throw new CniError(`failed to delegate add: ${error.message}`);
    }
  },

  check: () => undefined,

  del(call) {
    const { files } = call.host;
    const written = files.get(fileOf(call));
    if (written === undefined) return;
    const conf = JSON.parse(written) as Conf;
    delegateOf(conf.type).del({ ...call, conf });
    files.delete(fileOf(call));
  },
};
