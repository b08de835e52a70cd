/** Host ports by nftables (plugins/meta/portmap/portmap_nftables.go). */
import type { Host } from '../../host/host.ts';
import { CniError } from '../../runtime/call.ts';
import { familyOf, hostOf } from '../../shared/address.ts';
import type { Mapper } from './mapper.ts';
import { mappingsOf, type Settings } from './settings.ts';

const TABLE = 'cni_hostport';
const PORTS = 'hostports';
const ALL = 'hostports_all';
/** No rule is put there any more; it stays for those of older versions. */
const OLD = 'hostip_hostports';
const MASQUERADING = 'masquerading';

const wordOf = (family: 4 | 6) => (family === 4 ? 'ip' : 'ip6');

function forwardPorts({ own }: Host, settings: Settings, address: string): void {
  const family = familyOf(address);
  const ip = wordOf(family);
  const table = `${ip} ${TABLE}`;
  const pod = hostOf(address);
  const { id, snat, conditions } = settings;
  const local = [...conditions[family], 'fib daddr type local', 'jump', ALL].join(' ');
  const says = `comment "${id}"`;
  const dnats = mappingsOf(settings, family).map(({ mapping: { protocol, hostPort, containerPort }, hostIP }) => {
    const match = `${hostIP === undefined ? '' : `${ip} daddr ${hostIP} `}${protocol} dport ${hostPort}`;
    const to = `${family === 4 ? pod : `[${pod}]`}:${containerPort}`;
    return `add rule ${table} ${PORTS} ${match} dnat to ${to} ${says}`;
  });
  // Up to v1.9.1 `masqAll` is iptables' alone.
  const sources = [pod, ...(family === 4 ? ['127.0.0.1'] : [])];
  const masquerades = sources.map(
    (source) => `add rule ${table} ${MASQUERADING} ${ip} saddr ${source} ${ip} daddr ${pod} masquerade ${says}`,
  );
  own.nft.run(`
add table ${table} { comment "CNI portmap plugin"; }
add chain ${table} ${PORTS}
add chain ${table} ${OLD}
add chain ${table} ${ALL}
flush chain ${table} ${ALL}
add rule ${table} ${ALL} jump ${OLD}
add rule ${table} ${ALL} jump ${PORTS}
add chain ${table} prerouting { type nat hook prerouting priority -100; }
flush chain ${table} prerouting
add rule ${table} prerouting ${local}
add chain ${table} output { type nat hook output priority -100; }
flush chain ${table} output
add rule ${table} output ${local}
${snat ? `add chain ${table} ${MASQUERADING} { type nat hook postrouting priority 100; }` : ''}
${dnats.join('\n')}
${snat ? masquerades.join('\n') : ''}
`);
}

function checkForwarded({ own }: Host, settings: Settings, address: string): void {
  const family = familyOf(address);
  const { id, snat } = settings;
  const ports = mappingsOf(settings, family).length;
  const masquerades = !snat ? 0 : family === 4 ? 2 : 1;
  for (const [chain, count] of [
    [PORTS, ports],
    [MASQUERADING, masquerades],
  ] as const) {
    const found = own.nft.rules(wordOf(family), TABLE, chain).filter(({ comment }) => comment === id);
    if (found.length < count) throw new CniError(`missing hostport rules in "${chain}" chain`);
  }
}

function unforwardPorts({ own }: Host, { id }: Settings): void {
  for (const family of [4, 6] as const)
    for (const chain of [PORTS, OLD, MASQUERADING])
      own.nft.dropRules(wordOf(family), TABLE, chain, ({ comment }) => comment === id);
}

export const byNftables: Mapper = { forward: forwardPorts, check: checkForwarded, unforward: unforwardPorts };
