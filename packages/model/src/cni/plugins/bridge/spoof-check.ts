/** macspoofchk: frames of a port with another source than its pod's are dropped (containernetworking/plugins, pkg/link/spoofcheck.go). */
import type { Call } from '../../runtime/call.ts';

const TABLE = 'nat';

function names({ containerId, ifname }: Call) {
  const id = `${containerId}-${ifname}`;
  return { chain: `cni-br-iface-${id}`, macChain: `cni-br-iface-${id}-mac`, comment: `macspoofchk-${id}` };
}

export function setUpSpoofCheck(call: Call, port: string, mac: string): void {
  const { chain, macChain, comment } = names(call);
  const says = `comment "${comment}"`;
  call.host.own.nft.run(`
add table bridge ${TABLE}
add chain bridge ${TABLE} PREROUTING { type filter hook prerouting priority -300; policy accept; }
add chain bridge ${TABLE} ${chain}
add chain bridge ${TABLE} ${macChain}
flush chain bridge ${TABLE} ${chain}
flush chain bridge ${TABLE} ${macChain}
add rule bridge ${TABLE} PREROUTING iifname "${port}" jump ${chain} ${says}
add rule bridge ${TABLE} ${chain} jump ${macChain} ${says}
add rule bridge ${TABLE} ${macChain} ether saddr ${mac} return ${says}
add rule bridge ${TABLE} ${macChain} drop ${says}
`);
}

export function tearDownSpoofCheck(call: Call): void {
  const { chain, macChain, comment } = names(call);
  const { nft } = call.host.own;
  nft.dropRules('bridge', TABLE, 'PREROUTING', (rule) => rule.comment === comment);
  if (!nft.hasChain('bridge', TABLE, chain)) return;
  nft.dropRules('bridge', TABLE, chain, () => true);
  nft.run(`delete chain bridge ${TABLE} ${macChain}\ndelete chain bridge ${TABLE} ${chain}`);
}
