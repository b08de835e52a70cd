/** ptp: a veth pair for each pod and a route to it (containernetworking/plugins, plugins/main/ptp/ptp.go). */
import type { Namespace } from '../../host/namespace.ts';
import { ipamOf } from '../../ipam/index.ts';
import { type Call, CniError, type Plugin } from '../../runtime/call.ts';
import { flag, number, object, text } from '../../runtime/conf.ts';
import type { Dns, Result } from '../../runtime/result.ts';
import { ANY, familyOf, fullLength, hostOf, networkText } from '../../shared/address.ts';
import { configureInterface, dnsSet, enableForwarding } from '../../shared/configure.ts';
import { checkExpected, containerInterface } from '../../shared/expected.ts';
import { setUpMasquerade, tearDownMasquerade } from '../../shared/masquerade.ts';
import { netlink } from '../../shared/netlink.ts';
import { addVeth, deleteLink, podOf } from '../../shared/veth.ts';

interface GoRoute {
  dst: string | undefined;
  via?: string | undefined;
  scope: string;
}

function addRoute(pod: Namespace, ifname: string, source: string, { dst, via, scope }: GoRoute): void {
  const words = `${dst ?? ANY[familyOf(source)]}${via === undefined ? '' : ` via ${via}`} dev ${ifname} src ${source}${scope}`;
  netlink(
    () => pod.ip(`route add ${words}`),
    (why) =>
      new CniError(
        `failed to add route {Ifindex: ${pod.index(ifname)} Dst: ${dst ?? '<nil>'} Src: ${source} Gw: ${via ?? '<nil>'} Flags: [] Table: 0 Realm: 0}: ${why}`,
      ),
  );
}

/** All that leaves the pod goes to its gateway, neighbours of its own subnet too: the node's end is in no subnet with it. */
function wirePod(call: Call, result: Result): string {
  const { host, container } = addVeth(call, number(call.conf, 'mtu') ?? 0);
  const pod = podOf(call);
  result.interfaces = [host, container];
  for (const one of result.ips) one.interface = 1;
  configureInterface(pod, call.ifname, result);
  for (const { address, gateway } of result.ips) {
    const family = familyOf(address);
    pod.ip(`route del ${networkText(address)} dev ${call.ifname}`);
    const routes: GoRoute[] = [
      // Without a gateway the netlink library takes it for the default route.
      { dst: gateway && fullLength(gateway), scope: family === 4 ? ' scope link' : '' },
      { dst: networkText(address), via: gateway, scope: family === 4 && gateway === undefined ? ' scope global' : '' },
    ];
    for (const route of routes) addRoute(pod, call.ifname, hostOf(address), route);
  }
  return host.name;
}

/** Every pod's veth has the gateway's address. */
function wireHost({ host: { own } }: Call, veth: string, { ips }: Result): void {
  for (const { address, gateway = '' } of ips) {
    own.ip(`addr add ${fullLength(gateway)} dev ${veth}`);
    const scope = familyOf(address) === 4 ? ' scope host' : '';
    netlink(
      () => own.ip(`route add ${fullLength(hostOf(address))} dev ${veth}${scope}`),
      (why, errno) => (errno === 'EEXIST' ? undefined : new CniError(`failed to add route on host: ${why}`)),
    );
  }
}

export const ptp: Plugin = {
  add(call) {
    const { conf, host, ifname, containerId } = call;
    const ipam = ipamOf(call);
    if (!ipam) throw new CniError('no plugin name provided');
    const result = ipam.add(call);
    try {
      if (result.ips.length === 0) throw new CniError('IPAM plugin returned missing IP config');
      const addresses = result.ips.map(({ address }) => address);
      enableForwarding(host, addresses);
      wireHost(call, wirePod(call, result), result);
      if (flag(conf, 'ipMasq'))
        setUpMasquerade(host, { network: conf.name, ifname, containerId, addresses }, text(conf, 'ipMasqBackend'));
    } catch (error) {
      ipam.del(call);
      throw error;
    }
    const dns = object(conf, 'dns');
    return { ...result, ...(dnsSet(dns) && { dns: dns as Dns }) };
  },

  check(call) {
    const { ifname, netnsPath, prevResult } = call;
    const pod = podOf(call);
    ipamOf(call)?.check(call);
    if (!prevResult) throw new CniError('ptp: Required prevResult missing');
    const { mac } = containerInterface(prevResult, ifname, netnsPath);
    const link = pod.link(ifname);
    if (!link) throw new CniError(`ptp: Container Interface name in prevResult: ${ifname} not found`);
    if (link.kind !== 'veth') throw new CniError(`Error: Container interface ${ifname} not of type veth/p2p`);
    if (mac && mac !== link.mac)
      throw new CniError(`ptp: Interface ${ifname} Mac ${mac} doesn't match container Mac: ${link.mac}`);
    checkExpected(pod, ifname, prevResult);
  },

  del(call) {
    const { conf, host, ifname, containerId } = call;
    ipamOf(call)?.del(call);
    const addresses = deleteLink(call) ?? [];
    if (addresses.length > 0 && flag(conf, 'ipMasq'))
      tearDownMasquerade(host, { network: conf.name, ifname, containerId, addresses });
  },
};
