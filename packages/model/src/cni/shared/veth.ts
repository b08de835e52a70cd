/** The pair of devices between a pod and its node (pkg/ip/link_linux.go). */
import { hexDigits } from '../../objects/drawn-names.ts';
import { drawnMac, type Host } from '../host/host.ts';
import type { Namespace } from '../host/namespace.ts';
import { type Call, CniError } from '../runtime/call.ts';
import type { Interface } from '../runtime/result.ts';
import { netlink } from './netlink.ts';

/** The pod's namespace; refused where it is gone (pkg/ns/ns_linux.go). */
export function podOf({ pod, netnsPath }: Call): Namespace {
  if (!pod)
    throw new CniError(
      `failed to open netns "${netnsPath}": failed to Statfs "${netnsPath}": no such file or directory`,
    );
  return pod;
}

/** Names are drawn by chance on a real node; here the container draws them. */
function vethName(host: Host, { containerId, ifname }: Call): string {
  for (let attempt = 0; ; attempt++) {
    const name = `veth${hexDigits(`${containerId}/${ifname}/${attempt}`, 8)}`;
    if (!host.own.link(name)) return name;
  }
}

export interface Pair {
  host: Interface;
  container: Interface;
}

/** Makes the pair in the pod, its other end on the node, up. `mac`: of the pod's end. */
export function addVeth(call: Call, mtu: number, mac = ''): Pair {
  const { host, ifname, netnsPath } = call;
  const pod = podOf(call);
  const name = vethName(host, call);
  const ends = {
    container: mac === '' ? drawnMac(`${pod.netns.name}/${ifname}`) : mac,
    host: drawnMac(`${host.name}/${name}`),
  };
  const size = mtu > 0 ? ` mtu ${mtu}` : '';
  netlink(
    () =>
      pod.ip(
        `link add ${ifname}${size} address ${ends.container} type veth peer name ${name} netns ${host.name} address ${ends.host}`,
      ),
    (why, errno) =>
      new CniError(
        errno === 'EEXIST'
          ? `container veth name ("${ifname}") peer provided ("${name}") already exists`
          : `failed to make veth pair: ${why}`,
      ),
  );
  host.own.ip(`link set ${name} up`);
  // The node's routes are nobody else's matter.
  host.own.sysctl(`net/ipv6/conf/${name}/accept_ra`, 0);
  return {
    host: { name, mac: ends.host },
    container: { name: ifname, mac: ends.container.toLowerCase(), sandbox: netnsPath },
  };
}

/** Takes the pod's interface away, and its other end with it. Its addresses but link-local ones; undefined where there was none. */
export function deleteLink({ pod, ifname }: Call): string[] | undefined {
  if (!pod?.link(ifname)) return undefined;
  const addresses = [...pod.addresses(ifname, 4), ...pod.addresses(ifname, 6)];
  pod.ip(`link del ${ifname}`);
  return addresses;
}
