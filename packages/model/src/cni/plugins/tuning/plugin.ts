/** tuning: sysctls and traits of the pod's interface (containernetworking/plugins, plugins/meta/tuning/tuning.go). */
import { sysctl } from '@podwire/engine';
import { fateOf } from '../../../linux/index.ts';
import type { Namespace } from '../../host/namespace.ts';
import { sysctlName } from '../../host/sysctl.ts';
import { type Call, CniError, type Plugin, readArgs } from '../../runtime/call.ts';
import { flag, has, number, object, text } from '../../runtime/conf.ts';
import { podOf } from '../../shared/veth.ts';

interface Traits {
  mac?: string;
  mtu?: number;
  promisc?: boolean;
  allmulti?: boolean;
  txQLen?: number;
}

interface Settings extends Traits {
  sysctls: Map<string, string>;
  folder: string;
}

function traitsOf(fields: Readonly<Record<string, unknown>>): Traits {
  const mac = text(fields, 'mac');
  const mtu = number(fields, 'mtu');
  const txQLen = number(fields, 'txQLen');
  return {
    ...(mac && { mac }),
    ...(mtu && { mtu }),
    ...(flag(fields, 'promisc') && { promisc: true }),
    ...(has(fields, 'allmulti') && { allmulti: flag(fields, 'allmulti') }),
    ...(txQLen !== undefined && { txQLen }),
  };
}

/** What the call says goes before the configuration. */
function settingsOf({ conf, args }: Call): Settings {
  const argued = object(object(conf, 'args'), 'cni');
  const sysctls = { ...object(conf, 'sysctl'), ...object(argued, 'sysctl') } as Record<string, string>;
  const mac = text(object(conf, 'runtimeConfig'), 'mac') || readArgs(args, ['MAC']).get('MAC');
  return {
    ...traitsOf(conf),
    ...(mac && { mac }),
    ...traitsOf(argued),
    sysctls: new Map(Object.entries(sysctls)),
    folder: text(conf, 'dataDir') || '/run/cni/tuning',
  };
}

/** The path below /proc/sys. */
function pathOf(key: string, ifname: string): string {
  const path = key.replaceAll('.', '/').replace('IFNAME', ifname);
  if (!path.startsWith('net/')) throw new CniError(`invalid net sysctl key: "${path}"`);
  return path;
}

function checkExists(path: string): void {
  if (fateOf(sysctlName(path)) === undefined) throw new CniError(`open /proc/sys/${path}: no such file or directory`);
}

function traitsNow(pod: Namespace, ifname: string): Required<Traits> {
  const link = pod.link(ifname);
  if (!link) throw new CniError(`failed to get "${ifname}": Link not found`);
  return {
    mac: link.mac ?? '',
    mtu: link.mtu ?? 1500,
    promisc: pod.promiscuous.has(ifname),
    allmulti: pod.allMulticast.has(ifname),
    txQLen: pod.queueLengths.get(ifname) ?? 1000,
  };
}

function change(pod: Namespace, ifname: string, { mac, promisc, mtu, allmulti, txQLen }: Traits): void {
  const put = (set: Set<string>, is: boolean) => (is ? set.add(ifname) : set.delete(ifname));
  if (mac !== undefined) {
    if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(mac))
      throw new CniError(`invalid args ${mac} for MAC addr: address ${mac}: invalid MAC address`);
    pod.ip(`link set ${ifname} address ${mac}`);
  }
  if (promisc !== undefined) put(pod.promiscuous, promisc);
  if (mtu !== undefined) pod.ip(`link set ${ifname} mtu ${mtu}`);
  if (allmulti !== undefined) put(pod.allMulticast, allmulti);
  if (txQLen !== undefined) pod.queueLengths.set(ifname, txQLen);
}

const ALL = ['mac', 'promisc', 'mtu', 'allmulti', 'txQLen'] as const;

/** Only what the settings name. */
const chosen = (from: Required<Traits>, settings: Traits): Traits =>
  Object.fromEntries(ALL.filter((name) => settings[name] !== undefined).map((name) => [name, from[name]]));

const backup = ({ containerId, ifname }: Call, { folder }: Settings) => `${folder}/${containerId}_${ifname}.json`;

export const tuning: Plugin = {
  add(call) {
    const { host, ifname, prevResult } = call;
    const settings = settingsOf(call);
    if (!prevResult) throw new CniError('Required prevResult missing');
    const pod = podOf(call);
    for (const [key, value] of settings.sysctls) {
      const path = pathOf(key, ifname);
      checkExists(path);
      pod.sysctl(path, value);
    }
    const before = chosen(traitsNow(pod, ifname), settings);
    if (Object.keys(before).length > 0) host.files.set(backup(call, settings), JSON.stringify(before, undefined, 1));
    change(pod, ifname, chosen({ ...traitsNow(pod, ifname), ...settings }, settings));
    const { mac } = settings;
    if (mac === undefined) return prevResult;
    const interfaces = prevResult.interfaces.map((one) => (one.name === ifname ? { ...one, mac } : one));
    return { ...prevResult, interfaces };
  },

  check(call) {
    const { ifname } = call;
    const settings = settingsOf(call);
    if (!call.prevResult) throw new CniError('Required prevResult missing');
    const pod = podOf(call);
    for (const [key, value] of settings.sysctls) {
      const path = pathOf(key, ifname);
      const current = String(pod.netns.sysctls[sysctlName(path)] ?? sysctl(pod.netns.sysctls, sysctlName(path)));
      if (current !== value)
        throw new CniError(
          `Error: Tuning configured value of /proc/sys/${path} is ${value}, current value is ${current}`,
        );
    }
    if (!pod.link(ifname)) throw new CniError(`Cannot find container link ${ifname}`);
    const now = traitsNow(pod, ifname);
    const differs = (what: string, wanted: unknown, is: unknown) =>
      new CniError(`Error: Tuning configured ${what} of ${ifname} is ${wanted}, current value is ${is}`);
    const { mac, mtu, promisc = false, allmulti, txQLen } = settings;
    if (mac !== undefined && mac !== now.mac) throw differs('Ethernet', mac, now.mac);
    if (promisc !== now.promisc)
      throw new CniError(
        `Error: Tuning link ${ifname} configured promisc is ${promisc}, current value is ${now.promisc ? 1 : 0}`,
      );
    if (mtu !== undefined && mtu !== now.mtu) throw differs('MTU', mtu, now.mtu);
    if (allmulti !== undefined && allmulti !== now.allmulti)
      throw differs('all-multicast mode', allmulti, now.allmulti);
    if (txQLen !== undefined && txQLen !== now.txQLen) throw differs('Transmit Queue Length', txQLen, now.txQLen);
  },

  /** What is not what it was before is no error here. */
  del(call) {
    const { host, ifname, pod } = call;
    const file = backup(call, settingsOf(call));
    const before = host.files.get(file);
    if (before === undefined || !pod?.link(ifname)) return;
    change(pod, ifname, JSON.parse(before) as Traits);
    host.files.delete(file);
  },
};
