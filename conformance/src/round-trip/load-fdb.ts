/** What is printed of `bridge fdb`, loaded by `bridge`: bridges, ports and VXLANs are made first. */
import { printBridgeFdb, readBridgeFdb } from '@podwire/model';
import type { Found } from './collect.ts';
import { devices, type IpJob, linesIn, scriptOf, textOf } from './ip-commands.ts';
import { beside, flatFdb, flatWords } from './listing-ip.ts';

/** A bridge's own entries are asked of the bridge itself. */
function fdbCommand(line: string): string {
  const [, dev, master] = / dev (\S+).* master (\S+)/.exec(line) ?? [];
  const words = line.replace(/ master \S+/, dev === master ? ' self' : ' master');
  return `fdb append ${words}${/ (permanent|static)$/.test(line) ? '' : ' dynamic'}`;
}

export function* fdbJobs({ text, file }: Found): Generator<IpJob> {
  const { entries } = readBridgeFdb(text);
  if (entries.length === 0) return;
  const bridges = new Set(entries.flatMap(({ master }) => master ?? []));
  const tunnels = new Set(entries.filter(({ dst }) => dst !== undefined).map(({ link }) => link));
  // A socket of IPv6 is there where one of its ends is.
  const six = new Set(entries.filter(({ dst }) => dst?.includes(':')).map(({ link }) => link));
  const masters = new Map(
    entries.flatMap(({ link, master }) => (master === undefined || master === link ? [] : [[link, master] as const])),
  );
  const links = [...new Set(entries.map(({ link }) => link))].filter((link) => !bridges.has(link));
  const vlans = new Set(
    entries.flatMap(({ link, vlan, master }) =>
      vlan === undefined || master === undefined
        ? []
        : [`vlan add vid ${vlan} dev ${link}${link === master ? ' self' : ''}`],
    ),
  );
  const lines = linesIn(printBridgeFdb(entries)).map(flatWords);
  /** Groups that a bridge hears itself stand in no table of its. */
  const ownGroup = (line: string) => {
    const [, mac, name = ''] = /^(.[13579bdf]:\S+) dev (\S+) self permanent$/.exec(line) ?? [];
    return mac !== undefined && bridges.has(name) ? `maddress add ${mac} dev ${name}` : undefined;
  };
  yield {
    what: 'loaded and listed: bridge fdb',
    file,
    script: scriptOf('bridge fdb show'),
    text: textOf({
      setup: [
        ...[...bridges].flatMap((name) => [
          `link add name ${name} type bridge vlan_default_pvid 0`,
          `link set dev ${name} addrgenmode none`,
          `link set dev ${name} up`,
        ]),
        ...devices(links.filter((link) => !tunnels.has(link))),
        ...[...tunnels].flatMap((name, i) => [
          `link add name ${name} type vxlan id ${i + 1} dstport 4789${six.has(name) ? ' local fd00::1' : ''}`,
          `link set dev ${name} addrgenmode none`,
          `link set dev ${name} up`,
        ]),
        ...[...masters].map(([link, master]) => `link set dev ${link} master ${master}`),
      ],
      each: lines.flatMap((line) => ownGroup(line) ?? []),
      bridge: [...vlans, ...lines.filter((line) => ownGroup(line) === undefined).map(fdbCommand)],
    }),
    compare: (listing) => beside(lines.flatMap(flatFdb), listing, flatFdb),
  };
}
