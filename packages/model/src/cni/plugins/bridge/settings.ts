/** The bridge plugin's configuration (plugins/main/bridge/bridge.go:loadNetConf). */
import { type Call, CniError, readArgs } from '../../runtime/call.ts';
import { flag, list, number, object, text } from '../../runtime/conf.ts';

export interface Settings {
  bridge: string;
  isGateway: boolean;
  isDefaultGateway: boolean;
  forceAddress: boolean;
  masquerades: boolean;
  masqueradeBackend: string | undefined;
  mtu: number;
  hairpin: boolean;
  promiscuous: boolean;
  vlan: number;
  trunk: number[];
  keepsDefaultVlan: boolean;
  spoofCheck: boolean;
  dad: boolean;
  bare: boolean;
  isolated: boolean;
  mac: string;
}

interface TrunkEntry {
  minID?: number;
  maxID?: number;
  id?: number;
}

const isVlan = (id: number) => id > 0 && id <= 4094;

function trunkOf(entries: readonly TrunkEntry[]): number[] {
  const found = new Set<number>();
  for (const { minID, maxID, id } of entries) {
    if (minID !== undefined && maxID !== undefined) {
      if (!isVlan(minID)) throw new CniError('incorrect trunk minID parameter');
      if (!isVlan(maxID)) throw new CniError('incorrect trunk maxID parameter');
      if (maxID < minID) throw new CniError('minID is greater than maxID in trunk parameter');
      for (let vlan = minID; vlan <= maxID; vlan++) found.add(vlan);
    } else if (minID !== undefined || maxID !== undefined) {
      const missing = minID === undefined ? 'minID' : 'maxID';
      throw new CniError(`minID and maxID should be configured simultaneously, ${missing} is missing`);
    }
    if (id !== undefined) {
      if (!isVlan(id)) throw new CniError('incorrect trunk id parameter');
      found.add(id);
    }
  }
  return [...found].sort((a, b) => a - b);
}

export function settingsOf({ conf, args }: Call): Settings {
  const vlan = number(conf, 'vlan') ?? 0;
  if (vlan < 0 || vlan > 4094) throw new CniError(`invalid VLAN ID ${vlan} (must be between 0 and 4094)`);
  const isDefaultGateway = flag(conf, 'isDefaultGateway');
  const macs = [
    text(object(conf, 'runtimeConfig'), 'mac'),
    text(object(object(conf, 'args'), 'cni'), 'mac'),
    readArgs(args, ['MAC']).get('MAC'),
  ];
  return {
    bridge: text(conf, 'bridge') ?? 'cni0',
    isGateway: isDefaultGateway || flag(conf, 'isGateway'),
    isDefaultGateway,
    forceAddress: flag(conf, 'forceAddress'),
    masquerades: flag(conf, 'ipMasq'),
    masqueradeBackend: text(conf, 'ipMasqBackend'),
    mtu: number(conf, 'mtu') ?? 0,
    hairpin: flag(conf, 'hairpinMode'),
    promiscuous: flag(conf, 'promiscMode'),
    vlan,
    trunk: trunkOf(list<TrunkEntry>(conf, 'vlanTrunk')),
    keepsDefaultVlan: flag(conf, 'preserveDefaultVlan'),
    spoofCheck: flag(conf, 'macspoofchk'),
    dad: flag(conf, 'enabledad'),
    bare: flag(conf, 'disableContainerInterface'),
    isolated: flag(conf, 'portIsolation'),
    mac: macs.find((mac) => mac !== undefined && mac !== '') ?? '',
  };
}
