/** Masquerading and forwarding, by iptables or by nftables (flannel's pkg/trafficmngr). */
import type { LiveIptables } from '../../../linux/index.ts';
import type { Namespace } from '../../host/namespace.ts';
import type { Family, Settings } from './settings.ts';

const MULTICAST = { 4: '224.0.0.0/4', 6: 'ff00::/8' } as const;
const POSTROUTING = 'FLANNEL-POSTRTG';
const FORWARD = 'FLANNEL-FWD';

const said = (words: string) => ['-m', 'comment', '--comment', words];

/** `chain` and the rule behind `-A chain`. */
type Placed = readonly [chain: string, rule: readonly string[]];

function masqueradeRules({ family, network, subnet }: Family, { randomFully }: Settings): Placed[] {
  const comment = said('flanneld masq');
  const masquerade = ['-j', 'MASQUERADE', ...(randomFully ? ['--random-fully'] : [])];
  const rule = (match: readonly string[], target: readonly string[]): Placed => [
    POSTROUTING,
    [...match, ...comment, ...target],
  ];
  return [
    ['POSTROUTING', [...comment, '-j', POSTROUTING]],
    // kube-proxy's own masquerading comes behind.
    rule(['-m', 'mark', '--mark', '0x4000/0x4000'], ['-j', 'RETURN']),
    rule(['-s', subnet, '-d', network], ['-j', 'RETURN']),
    rule(['-s', network, '-d', subnet], ['-j', 'RETURN']),
    rule(['!', '-s', network, '-d', subnet], ['-j', 'RETURN']),
    rule(['-s', network, '!', '-d', MULTICAST[family]], masquerade),
    rule(['!', '-s', network, '-d', network], masquerade),
  ];
}

function forwardRules({ network }: Family): Placed[] {
  const comment = said('flanneld forward');
  return [
    ['FORWARD', [...comment, '-j', FORWARD]],
    [FORWARD, ['-s', network, ...comment, '-j', 'ACCEPT']],
    [FORWARD, ['-d', network, ...comment, '-j', 'ACCEPT']],
  ];
}

function clearChain(tool: LiveIptables, table: string, chain: string): void {
  tool.run(['-t', table, tool.hasChain(table, chain) ? '-F' : '-N', chain]);
}

/** All at once by iptables-restore: what stood there goes to the end (ipTablesCleanAndBuild). */
function bootstrap(tool: LiveIptables, table: string, rules: readonly Placed[]): void {
  for (const [chain, rule] of rules) {
    tool.try(['-t', table, '-D', chain, ...rule]);
    tool.run(['-t', table, '-A', chain, ...rule]);
  }
}

function byIptables({ iptables }: Namespace, settings: Settings): void {
  for (const one of settings.families) {
    const tool = iptables[one.family === 4 ? 'ip' : 'ip6'];
    if (settings.masquerades) {
      clearChain(tool, 'nat', POSTROUTING);
      bootstrap(tool, 'nat', masqueradeRules(one, settings));
    }
    if (settings.forwardRules) {
      clearChain(tool, 'filter', FORWARD);
      bootstrap(tool, 'filter', forwardRules(one));
    }
  }
}

const wordOf = (family: 4 | 6) => (family === 4 ? 'ip' : 'ip6');
const tableOf = (family: 4 | 6) => `${wordOf(family)} flannel-ipv${family}`;

function byNftables({ nft }: Namespace, settings: Settings): void {
  for (const family of [4, 6] as const)
    nft.run(`add table ${tableOf(family)} { comment "rules for flannel-ipv${family}"; }`);
  for (const { family, network, subnet } of settings.families) {
    const table = tableOf(family);
    const ip = wordOf(family);
    const masquerade = settings.randomFully ? 'masquerade fully-random' : 'masquerade';
    if (settings.masquerades)
      nft.run(`
add chain ${table} postrtg { type nat hook postrouting priority 100; comment "chain to manage traffic masquerading by flannel"; }
flush chain ${table} postrtg
add rule ${table} postrtg meta mark 0x4000 return
add rule ${table} postrtg ${ip} saddr ${subnet} ${ip} daddr ${network} return
add rule ${table} postrtg ${ip} saddr ${network} ${ip} daddr ${subnet} return
add rule ${table} postrtg ${ip} saddr != ${subnet} ${ip} daddr ${network} return
add rule ${table} postrtg ${ip} saddr ${network} ${ip} daddr != ${MULTICAST[family]} ${masquerade}
add rule ${table} postrtg ${ip} saddr != ${network} ${ip} daddr ${network} ${masquerade}
`);
    if (settings.forwardRules)
      nft.run(`
add chain ${table} forward { type filter hook forward priority 0; comment "chain to accept flannel traffic"; }
flush chain ${table} forward
add rule ${table} forward ${ip} saddr ${network} accept
add rule ${table} forward ${ip} daddr ${network} accept
`);
  }
}

/** What the other way left behind: a chain that something leads to is emptied and stays; FLANNEL-FWD is looked for in the wrong table. */
function cleanUp({ iptables, nft }: Namespace, { nftables }: Settings): void {
  if (!nftables) {
    for (const family of [4, 6] as const)
      if (nft.hasTable(wordOf(family), `flannel-ipv${family}`)) nft.run(`delete table ${tableOf(family)}`);
    return;
  }
  for (const tool of [iptables.ip, iptables.ip6])
    for (const chain of [POSTROUTING, FORWARD])
      if (tool.hasChain('nat', chain)) {
        tool.run(['-t', 'nat', '-F', chain]);
        tool.try(['-t', 'nat', '-X', chain]);
      }
}

export function writeRules(own: Namespace, settings: Settings): void {
  cleanUp(own, settings);
  if (settings.nftables) byNftables(own, settings);
  else byIptables(own, settings);
}
