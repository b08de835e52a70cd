/** The rules that are compiled for each node: this kernel takes them, and its tools list the same. */
import { type Dataplane, printIptablesSave, printNftTables } from '@podwire/model';
import { readBlocks } from '../kinds/kube-proxy-real-nft.ts';
import type { Lab } from '../lab/lab.ts';
import { planOf } from '../lab/plan.ts';
import type { Backend } from '../lab/terms.ts';
import { saveList } from '../round-trip/listing.ts';

const FAMILIES = [
  ['ip', 'iptables'],
  ['ip6', 'ip6tables'],
] as const;

/** kube-proxy's own chains, sets and maps, elements in one order; iptables-nft's tables are listed by nft, too. */
const kubeProxys = (listing: string): [string, unknown][] =>
  Object.entries(readBlocks(listing)).filter(([name]) => /^table ip6? kube-proxy\b/.test(name));

/** The first chain, set or map that is listed otherwise. */
function nftDifference(printed: string, listing: string): string | undefined {
  const listed = new Map(kubeProxys(listing));
  const ours = kubeProxys(printed);
  const wrong = ours.find(([name, block]) => JSON.stringify(block) !== JSON.stringify(listed.get(name)));
  if (wrong) return `${wrong[0]} is listed as ${JSON.stringify(listed.get(wrong[0]))}`;
  return ours.length === listed.size ? undefined : 'more is listed';
}

/** What is listed otherwise than it was written, by node; `LabError` where the kernel does not take it. */
export async function listedOtherwise(lab: Lab, { network, nodes }: Dataplane, backend: Backend): Promise<string[]> {
  const own = network.netnses.filter(({ name }) => nodes.has(name));
  // Rules do not ask whether an interface is there.
  const bare = own.map(({ name, netfilter }) => ({
    name,
    links: [{ name: 'lo', kind: 'loopback' as const }],
    addresses: [],
    tables: [],
    sysctls: {},
    netfilter,
  }));
  await lab.build(planOf({ netnses: bare }, [], backend));
  const found: string[] = [];
  for (const { name, netfilter } of bare) {
    const note = (what: string, why: string | undefined) => why !== undefined && found.push(`${name}, ${what}: ${why}`);
    for (const [family, tool] of FAMILIES) {
      const printed = printIptablesSave(netfilter, family);
      if (printed !== '') note(tool, saveList(printed, await lab.output(name, [`${tool}-${backend}-save`])));
    }
    const nft = printNftTables(netfilter.filter(({ syntax }) => syntax === 'nft'));
    if (nft !== '') note('nft', nftDifference(nft, await lab.output(name, ['nft', 'list', 'ruleset'])));
  }
  return found;
}
