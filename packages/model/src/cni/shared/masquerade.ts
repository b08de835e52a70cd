/** ipMasq: what leaves a pod for other subnets gets the node's address (pkg/ip/ipmasq_{linux,iptables_linux,nftables_linux}.go). */
import type { Host } from '../host/host.ts';
import { CniError } from '../runtime/call.ts';
import { familyOf, hostOf, networkText } from './address.ts';
import { ensureChain, putOnce, runIptables } from './iptables.ts';
import { chainName, hashed, ruleComment } from './names.ts';

const MULTICAST = { 4: '224.0.0.0/4', 6: 'ff00::/8' } as const;
const TABLE = 'cni_plugins_masquerade';
const CHAIN = 'masq_checks';
/** sigs.k8s.io/knftables: CommentLengthMax */
const COMMENT_MAX = 128;

export interface Masqueraded {
  network: string;
  ifname: string;
  containerId: string;
  /** The pod's, with the length of its subnet. */
  addresses: readonly string[];
}

function byIptables({ own }: Host, { network, containerId, addresses }: Masqueraded): void {
  const chain = chainName(network, containerId);
  const comment = ['-m', 'comment', '--comment', ruleComment(network, containerId)];
  for (const address of addresses) {
    const family = familyOf(address);
    const tool = own.iptables[family === 4 ? 'ip' : 'ip6'];
    ensureChain(tool, 'nat', chain);
    putOnce(tool, 'nat', chain, ['-d', address, '-j', 'ACCEPT', ...comment]);
    putOnce(tool, 'nat', chain, ['!', '-d', MULTICAST[family], '-j', 'MASQUERADE', ...comment]);
    putOnce(tool, 'nat', 'POSTROUTING', ['-s', hostOf(address), '-j', chain, ...comment]);
  }
}

function instanceComment({ network, ifname, containerId }: Masqueraded): string {
  const plain = (text: string) => text.replaceAll('"', '');
  const text = `${hashForInstance({ network, ifname, containerId })}, net: ${plain(network)}, if: ${plain(ifname)}, id: ${plain(containerId)}`;
  return text.slice(0, COMMENT_MAX);
}

function hashForInstance({ network, ifname, containerId }: Omit<Masqueraded, 'addresses'>): string {
  return `${hashed(16, '', network)}-${hashed(16, '', `${ifname}:${containerId}`)}`;
}

function dropInstance({ own }: Host, masqueraded: Masqueraded): void {
  const hash = hashForInstance(masqueraded);
  own.nft.dropRules('inet', TABLE, CHAIN, ({ comment }) => comment?.startsWith(hash) ?? false);
}

function byNftables(host: Host, masqueraded: Masqueraded): void {
  dropInstance(host, masqueraded);
  const { nft } = host.own;
  nft.run(`
add table inet ${TABLE} { comment "Masquerading for plugins from github.com/containernetworking/plugins"; }
add chain inet ${TABLE} ${CHAIN} { comment "Masquerade traffic from certain IPs to any (non-multicast) IP outside their subnet"; }
add chain inet ${TABLE} postrouting { type nat hook postrouting priority 100; }
flush chain inet ${TABLE} postrouting
add rule inet ${TABLE} postrouting ip daddr ${MULTICAST[4]} return
add rule inet ${TABLE} postrouting ip6 daddr ${MULTICAST[6]} return
add rule inet ${TABLE} postrouting goto ${CHAIN}
`);
  for (const address of masqueraded.addresses) {
    const ip = familyOf(address) === 4 ? 'ip' : 'ip6';
    const match = `${ip} saddr ${hostOf(address)} ${ip} daddr != ${networkText(address)}`;
    nft.run(`add rule inet ${TABLE} ${CHAIN} ${match} masquerade comment "${instanceComment(masqueraded)}"`);
  }
}

/** `backend`: `iptables` where absent. */
export function setUpMasquerade(host: Host, masqueraded: Masqueraded, backend: string | undefined): void {
  if (backend === undefined || backend === 'iptables') byIptables(host, masqueraded);
  else if (backend === 'nftables') byNftables(host, masqueraded);
  else throw new CniError(`unknown ipmasq backend "${backend}"`);
}

/** TeardownIPMasq of one address. */
function tearDownOne({ own }: Host, network: string, id: string, address: string): void {
  const tool = own.iptables[familyOf(address) === 4 ? 'ip' : 'ip6'];
  const chain = chainName(network, id);
  const comment = ['-m', 'comment', '--comment', ruleComment(network, id)];
  for (const source of [hostOf(address), address])
    tool.try(['-t', 'nat', '-D', 'POSTROUTING', '-s', source, '-j', chain, ...comment]);
  // ClearChain makes the chain where there is none.
  ensureChain(tool, 'nat', chain);
  runIptables(tool, ['-t', 'nat', '-F', chain]);
  runIptables(tool, ['-t', 'nat', '-X', chain]);
}

/** Both back-ends, as the pod may have come by a former configuration; each address whatever becomes of the others. */
export function tearDownMasquerade(host: Host, masqueraded: Masqueraded): void {
  const { network, containerId, addresses } = masqueraded;
  const failed: string[] = [];
  for (const address of addresses)
    try {
      tearDownOne(host, network, containerId, address);
    } catch (error) {
      if (!(error instanceof CniError)) throw error;
      failed.push(error.message);
    }
  dropInstance(host, masqueraded);
  if (failed.length > 0) throw new CniError(failed.join('\n'));
}
