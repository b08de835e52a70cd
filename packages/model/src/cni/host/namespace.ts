/** One network namespace while plugins and daemons change it with Linux's own tools. */
import type { IpSet, Link, Netns, Table } from '@podwire/engine';
import {
  applyBridge,
  applyIp,
  type IpFamily,
  LiveIptables,
  LiveNft,
  nftTables,
  printNftRuleset,
  type Refused,
} from '../../linux/index.ts';
import { setSysctl } from './sysctl.ts';

/** A tool, or the kernel by netlink, said no. */
export class ToolRefusal extends Error {
  /** `EEXIST` ...; absent where the tool refused by itself. */
  readonly errno: string | undefined;

  constructor({ message, errno }: Pick<Refused, 'message' | 'errno'>) {
    super(message);
    this.errno = errno;
  }
}

export class Namespace {
  /** Links, addresses, routes, rules, neighbours, forwarding entries, sysctls; `tables` gives what filters. */
  readonly netns: Netns;
  readonly iptables: Readonly<Record<IpFamily, LiveIptables>> = {
    ip: new LiveIptables('ip'),
    ip6: new LiveIptables('ip6'),
  };
  readonly nft = new LiveNft();
  readonly sets: IpSet[] = [];
  /** Links that take every frame (`promisc on`). */
  readonly promiscuous = new Set<string>();
  /** Links that take every multicast frame. */
  readonly allMulticast = new Set<string>();
  /** `txqueuelen` where it was set. */
  readonly queueLengths = new Map<string, number>();
  readonly #world: () => readonly Netns[];

  constructor(netns: Netns, world: () => readonly Netns[]) {
    this.netns = netns;
    this.#world = world;
  }

  /** Lines of `ip -batch`. Throws `ToolRefusal` at the first that is refused; those before it stand. */
  ip(...commands: readonly string[]): void {
    for (const command of commands) this.#check(applyIp(this.netns, command, this.#world()));
  }

  /** The same, of `bridge -batch`. */
  bridge(...commands: readonly string[]): void {
    for (const command of commands) this.#check(applyBridge(this.netns, command, this.#world()));
  }

  #check([refused]: readonly Refused[]): void {
    if (refused) throw new ToolRefusal(refused);
  }

  /** By its path below /proc/sys: `net/ipv4/ip_forward`. */
  sysctl(path: string, value: string | number): void {
    setSysctl(this.netns, path, value);
  }

  link(name: string): Link | undefined {
    return this.netns.links.find((link) => link.name === name);
  }

  /** Number of a link; `lo` is 1. */
  index(name: string): number {
    const links = this.netns.links.some((link) => link.name === 'lo')
      ? this.netns.links
      : [undefined, ...this.netns.links];
    const at = links.findIndex((link) => link?.name === name);
    return links[at]?.index ?? at + 1;
  }

  /** Addresses with prefix length, in the kernel's order, link-local ones left out. */
  addresses(link: string, family: 4 | 6): string[] {
    return this.netns.addresses
      .filter((one) => one.link === link && one.address.includes(':') === (family === 6) && one.scope !== 'link')
      .map(({ address }) => address);
  }

  nftText(): string {
    return printNftRuleset(this.nft.objects());
  }

  tables(): Table[] {
    return [...this.iptables.ip.tables(), ...this.iptables.ip6.tables(), ...nftTables(this.nft.objects())];
  }

  /** For the machine. */
  finished(): Netns {
    return { ...this.netns, netfilter: this.tables(), ...(this.sets.length > 0 && { sets: this.sets }) };
  }
}
