/** macvlan: the pod stands on a device of the node, with a link-layer address of its own (containernetworking/plugins, plugins/main/macvlan). */
import type { Link } from '@podwire/engine';
import { drawnMac } from '../../host/host.ts';
import type { Namespace } from '../../host/namespace.ts';
import { ipamOf } from '../../ipam/index.ts';
import { type Call, CniError, type Plugin, readArgs } from '../../runtime/call.ts';
import { flag, number, object, text } from '../../runtime/conf.ts';
import { type Dns, emptyResult, type Result } from '../../runtime/result.ts';
import { configureInterface } from '../../shared/configure.ts';
import { checkExpected, containerInterface } from '../../shared/expected.ts';
import { deleteLink, podOf } from '../../shared/veth.ts';

interface Settings {
  /** Where the device below is. */
  home: Namespace;
  master: Link;
  /** `bridge` where none is said. */
  mode: string;
  mtu: number;
  mac: string;
}

const MODES = ['bridge', 'private', 'vepa', 'passthru'];

/** The device of the first default route. */
function defaultDevice({ netns }: Namespace): string {
  const main = netns.tables.find(({ id }) => id === 254)?.routes ?? [];
  const found = main.find(({ destination }) => destination === '0.0.0.0/0' || destination === '::/0')?.nexthops[0]?.dev;
  if (found === undefined) throw new CniError('no default route interface found');
  return found;
}

function settingsOf(call: Call): Settings {
  const { conf, args, host } = call;
  const home = flag(conf, 'linkInContainer') ? podOf(call) : host.own;
  const master = home.link(text(conf, 'master') || defaultDevice(home));
  if (!master) throw new CniError('Link not found');
  const mtu = number(conf, 'mtu') ?? 0;
  const largest = master.mtu ?? 1500;
  if (mtu < 0 || mtu > largest) throw new CniError(`invalid MTU ${mtu}, must be [0, master MTU(${largest})]`);
  const macs = [text(object(conf, 'runtimeConfig'), 'mac'), readArgs(args, ['MAC']).get('MAC'), text(conf, 'mac')];
  return { home, master, mode: text(conf, 'mode') || 'bridge', mtu, mac: macs.find((mac) => mac) ?? '' };
}

function checkMode(mode: string): void {
  if (!MODES.includes(mode)) throw new CniError(`unknown macvlan mode: "${mode}"`);
}

/** createMacvlan. A device below serves one in mode passthru, or any number in the others (drivers/net/macvlan.c). */
function addMacvlan(call: Call, { home, master, mode, mtu, mac }: Settings): Link {
  checkMode(mode);
  const pod = podOf(call);
  const lower = { netns: home.netns.name, link: master.name };
  const all = [call.host.own, ...call.host.pods.values()].flatMap(({ netns }) => netns.links);
  const beside = all.filter((link) => link.lower?.netns === lower.netns && link.lower.link === lower.link);
  if (beside.length > 0 && (mode === 'passthru' || beside.some((link) => link.mode === 'passthru')))
    throw new CniError('failed to create macvlan: invalid argument');
  if (pod.link(call.ifname)) throw new CniError(`failed to rename macvlan to "${call.ifname}": file exists`);
  const own =
    mode === 'passthru' && master.mac !== undefined ? master.mac : drawnMac(`${pod.netns.name}/${call.ifname}`);
  const link: Link = {
    name: call.ifname,
    kind: 'macvlan',
    up: false,
    lower,
    mode,
    mac: mac === '' ? own : mac.toLowerCase(),
    mtu: mtu > 0 ? mtu : (master.mtu ?? 1500),
  };
  pod.netns.links.push(link);
  return link;
}

function addLayer3(call: Call, result: Result): void {
  const ipam = ipamOf(call);
  const pod = podOf(call);
  if (!ipam) {
    pod.ip(`link set ${call.ifname} up`);
    return;
  }
  const { ips, routes } = ipam.add(call);
  try {
    if (ips.length === 0) throw new CniError('IPAM plugin returned missing IP config');
    result.ips = ips.map((one) => ({ ...one, interface: 0 }));
    result.routes = routes;
    pod.sysctl(`net/ipv4/conf/${call.ifname}/arp_notify`, 1);
    pod.sysctl(`net/ipv6/conf/${call.ifname}/ndisc_notify`, 1);
    configureInterface(pod, call.ifname, result);
  } catch (error) {
    ipam.del(call);
    throw error;
  }
}

export const macvlan: Plugin = {
  add(call) {
    const settings = settingsOf(call);
    podOf(call);
    const { name, mac } = addMacvlan(call, settings);
    const result = emptyResult();
    result.interfaces = [{ name, ...(mac !== undefined && { mac }), sandbox: call.netnsPath }];
    try {
      addLayer3(call, result);
    } catch (error) {
      deleteLink(call);
      throw error;
    }
    return { ...result, dns: object(call.conf, 'dns') as Dns };
  },

  check(call) {
    const { ifname, netnsPath, prevResult } = call;
    const { mode } = settingsOf(call);
    const pod = podOf(call);
    ipamOf(call)?.check(call);
    if (!prevResult) throw new CniError('required prevResult missing');
    const { mac } = containerInterface(prevResult, ifname, netnsPath);
    const link = pod.link(ifname);
    if (!link) throw new CniError(`container Interface name in prevResult: ${ifname} not found`);
    if (link.kind !== 'macvlan') throw new CniError(`error: Container interface ${ifname} not of type macvlan`);
    checkMode(mode);
    if (link.mode !== mode)
      throw new CniError(`container macvlan mode ${link.mode} does not match expected value: ${mode}`);
    if (mac && mac !== link.mac)
      throw new CniError(`interface ${ifname} Mac ${mac} doesn't match container Mac: ${link.mac}`);
    checkExpected(pod, ifname, prevResult);
  },

  del(call) {
    ipamOf(call)?.del(call);
    deleteLink(call);
  },
};
