/** bridge: a bridge on each node, a port of it for each pod (containernetworking/plugins, plugins/main/bridge/bridge.go). */
import { addToAddress, formatAddress, networkOf } from '@podwire/engine';
import { ipamOf } from '../../ipam/index.ts';
import { type Call, CniError, type Plugin } from '../../runtime/call.ts';
import { object } from '../../runtime/conf.ts';
import { type Dns, emptyResult, type Result } from '../../runtime/result.ts';
import { ANY, familyOf, prefixOf } from '../../shared/address.ts';
import { configureInterface, dnsSet, enableForwarding } from '../../shared/configure.ts';
import { setUpMasquerade, tearDownMasquerade } from '../../shared/masquerade.ts';
import { deleteLink, podOf } from '../../shared/veth.ts';
import { addPort, ensureAddress, ensureBridge, ensureVlanGateway } from './bridge-device.ts';
import { checkBridgeCall } from './check.ts';
import { type Settings, settingsOf } from './settings.ts';
import { setUpSpoofCheck, tearDownSpoofCheck } from './spoof-check.ts';

/** The first address of the subnet. */
function firstAddress(cidr: string): string {
  const { family, words } = networkOf(prefixOf(cidr));
  return formatAddress(addToAddress({ family, words }, 1) ?? { family, words });
}

/** calcGateways: what the address manager left open. The gateways' addresses, with the length of their subnets. */
function settleGateways(result: Result, { isGateway, isDefaultGateway }: Settings): string[] {
  const gateways: string[] = [];
  for (const one of result.ips) {
    const family = familyOf(one.address);
    one.interface = 2;
    if (isGateway) one.gateway ??= firstAddress(one.address);
    const hasDefault = result.routes.some(({ dst, gw }) => gw !== undefined && dst === ANY[family]);
    if (isDefaultGateway && !hasDefault && one.gateway) result.routes.push({ dst: ANY[family], gw: one.gateway });
    if (isGateway) gateways.push(`${one.gateway}/${prefixOf(one.address).length}`);
  }
  return gateways;
}

function putGateways({ host }: Call, settings: Settings, gateways: readonly string[], result: Result): void {
  for (const family of [4, 6] as const) {
    const own = gateways.filter((address) => familyOf(address) === family);
    for (const address of own) {
      const link = settings.vlan === 0 ? settings.bridge : ensureVlanGateway(host, settings);
      const mac = host.own.link(link)?.mac;
      if (link !== settings.bridge && !result.interfaces.some(({ name }) => name === link))
        result.interfaces.push({ name: link, ...(mac !== undefined && { mac }) });
      try {
        ensureAddress(host, link, address, settings.forceAddress);
      } catch (error) {
        if (!(error instanceof CniError)) throw error;
        const what = settings.vlan === 0 ? 'set bridge addr' : 'set vlan interface for bridge with addr';
        throw new CniError(`failed to ${what}: ${error.message}`);
      }
    }
    enableForwarding(host, own);
  }
}

function addLayer3(call: Call, settings: Settings, result: Result): void {
  const { conf, host, ifname, containerId } = call;
  const ipam = ipamOf(call);
  if (!ipam) return;
  const given = ipam.add(call);
  try {
    result.ips = given.ips;
    result.routes = given.routes;
    result.dns = given.dns;
    if (result.ips.length === 0) throw new CniError('IPAM plugin returned missing IP config');
    const gateways = settleGateways(result, settings);
    const pod = podOf(call);
    if (settings.dad) pod.sysctl(`net/ipv6/conf/${ifname}/enhanced_dad`, 1);
    pod.sysctl(`net/ipv6/conf/${ifname}/accept_dad`, settings.dad ? 1 : 0);
    pod.sysctl(`net/ipv4/conf/${ifname}/arp_notify`, 1);
    configureInterface(pod, ifname, result);
    putGateways(call, settings, gateways, result);
    if (settings.masquerades) {
      const addresses = result.ips.map(({ address }) => address);
      setUpMasquerade(host, { network: conf.name, ifname, containerId, addresses }, settings.masqueradeBackend);
    }
  } catch (error) {
    ipam.del(call);
    throw error;
  }
}

export const bridge: Plugin = {
  add(call) {
    const settings = settingsOf(call);
    const isLayer3 = ipamOf(call) !== undefined;
    if (isLayer3 && settings.bare) throw new CniError('cannot use IPAM when DisableContainerInterface flag is set');
    if (settings.hairpin && settings.promiscuous)
      throw new CniError('cannot set hairpin mode and promiscuous mode at the same time');
    const device = ensureBridge(call.host, settings);
    podOf(call);
    const { host, container } = addPort(call, settings);
    const result = emptyResult();
    result.interfaces = [{ name: device.name, ...(device.mac !== undefined && { mac: device.mac }) }, host, container];
    if (settings.spoofCheck) setUpSpoofCheck(call, host.name, container.mac ?? '');
    try {
      if (isLayer3) addLayer3(call, settings, result);
      else if (!settings.bare) podOf(call).ip(`link set ${call.ifname} up`);
    } catch (error) {
      if (settings.spoofCheck) tearDownSpoofCheck(call);
      throw error;
    }
    const dns = object(call.conf, 'dns');
    return { ...result, ...(dnsSet(dns) && { dns: dns as Dns }) };
  },

  check(call) {
    const settings = settingsOf(call);
    podOf(call);
    const ipam = ipamOf(call);
    if (!ipam) throw new CniError('no plugin name provided');
    ipam.check(call);
    checkBridgeCall(call, settings);
  },

  del(call) {
    const { conf, host, ifname, containerId } = call;
    const settings = settingsOf(call);
    const ipam = ipamOf(call);
    const addresses = deleteLink(call) ?? [];
    ipam?.del(call);
    if (settings.spoofCheck) tearDownSpoofCheck(call);
    if (ipam && settings.masquerades) tearDownMasquerade(host, { network: conf.name, ifname, containerId, addresses });
  },
};
