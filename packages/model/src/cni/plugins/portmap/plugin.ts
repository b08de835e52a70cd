/** portmap: ports of the node that lead to a pod (containernetworking/plugins, plugins/meta/portmap). */
import { type Call, CniError, type Plugin } from '../../runtime/call.ts';
import { hostOf } from '../../shared/address.ts';
import { linkTowards } from '../../shared/route.ts';
import { byIptables } from './iptables.ts';
import { byNftables } from './nftables.ts';
import { isMappedBy, type Settings, settingsOf } from './settings.ts';

const mapperOf = ({ backend }: Settings) => (backend === 'iptables' ? byIptables : byNftables);

function podAddresses({ addresses }: Settings): string[] {
  return [addresses[4], addresses[6]].filter((address) => address !== undefined);
}

/** So that connections from 127.0.0.1 may leave by the link towards the pod. */
function openLoopback({ host: { own } }: Call, { addresses }: Settings): void {
  const link = addresses[4] === undefined ? undefined : linkTowards(own.netns, hostOf(addresses[4]));
  if (link !== undefined) own.sysctl(`net/ipv4/conf/${link}/route_localnet`, 1);
}

export const portmap: Plugin = {
  add(call) {
    const settings = settingsOf(call);
    if (!call.prevResult) throw new CniError('must be called as chained plugin');
    if (isMappedBy(settings)) {
      for (const address of podAddresses(settings)) mapperOf(settings).forward(call.host, settings, address);
      if (settings.snat) openLoopback(call, settings);
    }
    return call.prevResult;
  },

  check(call) {
    const settings = settingsOf(call);
    if (!call.prevResult) throw new CniError('Required prevResult missing');
    if (!isMappedBy(settings)) return;
    for (const address of podAddresses(settings)) mapperOf(settings).check(call.host, settings, address);
  },

  del(call) {
    const settings = settingsOf(call);
    if (isMappedBy(settings)) mapperOf(settings).unforward(call.host, settings);
  },
};
