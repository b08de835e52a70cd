/**
 * bandwidth: the rate of a pod, its own traffic held back on a device between (containernetworking/plugins, plugins/meta/bandwidth). Rates
 * delay packets and decide nothing else, so that of queues only their being there is kept.
 */
import { drawnMac } from '../../host/host.ts';
import { type Call, CniError, type Plugin } from '../../runtime/call.ts';
import type { Conf } from '../../runtime/conf.ts';
import { has, number, object } from '../../runtime/conf.ts';
import type { Interface } from '../../runtime/result.ts';
import { hashed } from '../../shared/names.ts';
import { podOf } from '../../shared/veth.ts';

/** Bits a second, and bits. */
interface Rate {
  rate: number;
  burst: number;
}

const FIELDS = ['ingressRate', 'ingressBurst', 'egressRate', 'egressBurst'];
/** Longest name of a device. */
const NAME_LENGTH = 15;
const BURST_MAX = 4294967295 * 8;

function checked(rate: number, burst: number): Rate {
  if (burst === 0 && rate !== 0) throw new CniError('if rate is set, burst must also be set');
  if (rate === 0 && burst !== 0) throw new CniError('if burst is set, rate must also be set');
  if (burst >= BURST_MAX) throw new CniError('burst cannot be more than 4GB');
  return { rate, burst };
}

/** Of what comes to the pod, and what leaves it. The configuration's own before the runtime's. */
function ratesOf(conf: Conf): { ingress: Rate; egress: Rate } {
  const from = FIELDS.some((field) => has(conf, field)) ? conf : object(object(conf, 'runtimeConfig'), 'bandwidth');
  const of = (way: 'ingress' | 'egress') => checked(number(from, `${way}Rate`) ?? 0, number(from, `${way}Burst`) ?? 0);
  return { ingress: of('ingress'), egress: of('egress') };
}

const ifbName = ({ conf, containerId }: Call) => hashed(NAME_LENGTH, 'bwp', conf.name + containerId);

/** The node's end of the pod's interface. */
function hostInterface(call: Call, interfaces: readonly Interface[]): Interface {
  const { host, ifname } = call;
  if (interfaces.length === 0) throw new CniError('no interfaces provided');
  const peer = podOf(call).link(ifname)?.peer;
  if (!peer)
    throw new CniError(
      `container interface ${ifname} has no veth peer: interface "${ifname}" was not a veth interface`,
    );
  const found = interfaces.find(({ name, sandbox }) => sandbox === undefined && name === peer.link);
  if (peer.netns !== host.name || !found) throw new CniError('no veth peer of container interface found in host ns');
  return found;
}

export const bandwidth: Plugin = {
  add(call) {
    const { conf, host, prevResult } = call;
    const { ingress, egress } = ratesOf(conf);
    if (!prevResult) throw new CniError('must be called as chained plugin');
    if (ingress.rate === 0 && egress.rate === 0) return prevResult;
    const { name } = hostInterface(call, prevResult.interfaces);
    if (egress.rate === 0) return prevResult;
    const device = ifbName(call);
    const mac = drawnMac(`${host.name}/${device}`);
    host.own.ip(
      `link add ${device} mtu ${host.own.link(name)?.mtu ?? 1500} address ${mac} type ifb`,
      `link set ${device} up`,
    );
    // A device that does not ask for neighbours looks for no duplicates (net/ipv6/addrconf.c:ipv6_add_dev).
    host.own.sysctl(`net/ipv6/conf/${device}/accept_dad`, -1);
    return { ...prevResult, interfaces: [...prevResult.interfaces, { name: device, mac }] };
  },

  check(call) {
    const { egress } = ratesOf(call.conf);
    if (!call.prevResult) throw new CniError('must be called as a chained plugin');
    hostInterface(call, call.prevResult.interfaces);
    if (egress.rate > 0 && !call.host.own.link(ifbName(call))) throw new CniError('get ifb device: Link not found');
  },

  del(call) {
    ratesOf(call.conf);
    const device = ifbName(call);
    if (call.host.own.link(device)) call.host.own.ip(`link del ${device}`);
  },
};
