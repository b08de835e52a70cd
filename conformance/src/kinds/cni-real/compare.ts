/** A state that our compilers made beside the one that was recorded. */
import { type Link, type Netns, sysctl } from '@podwire/engine';
import { cni, readNode } from '@podwire/model';
import { canonicalState, type Naming, nftLines, savedTables } from './canonical.ts';
import { filesOf, stateAfter } from './lab.ts';
import type { CallStep, PlayedLab, Player } from './player.ts';

interface ListedLink {
  ifname: string;
  ifindex: number;
  link_index?: number;
  link_netnsid?: number;
  linkinfo?: { info_kind?: string; info_data?: { mode?: string } };
}

const DRAWN = /^veth[0-9a-f]{8}$/;

type Recorded = Readonly<Record<string, unknown>>;

/** What stands on links of other namespaces our reader takes for devices by themselves; its kind is listed all the same. */
function withKinds(netns: Netns, { link }: Recorded): Netns {
  const listed = new Map(((link ?? []) as ListedLink[]).map((one) => [one.ifname, one.linkinfo]));
  const links = netns.links.map((one): Link => {
    const { info_kind: kind, info_data: data } = listed.get(one.name) ?? {};
    if (one.kind !== 'device' || kind === undefined) return one;
    return { ...one, kind: kind as Link['kind'], ...(data?.mode !== undefined && { mode: data.mode }) };
  });
  return { ...netns, links };
}

/** First lines that only one side has. */
function differentLines(what: string, expected: readonly string[], found: readonly string[]): string | undefined {
  if (expected.length === found.length && expected.every((line, i) => line === found[i])) return undefined;
  const missing = expected.filter((line) => !found.includes(line));
  const added = found.filter((line) => !expected.includes(line));
  if (missing.length === 0 && added.length === 0)
    return `${what}: the order differs: ${found[expected.findIndex((line, i) => line !== found[i])]}`;
  return `${what}: expected [${missing.slice(0, 2).join(' | ')}], found [${added.slice(0, 2).join(' | ')}]`;
}

/** What the case itself gives as link-layer addresses: the others are drawn. */
function givenMacs(lab: PlayedLab): ReadonlySet<string> {
  const { config, steps, nodes } = lab;
  const calls = steps.map((step) => [(step as CallStep).args, (step as CallStep).runtimeConfig]);
  const text = JSON.stringify([config, calls, nodes]).toLowerCase();
  return new Set(text.match(/(?:[0-9a-f]{2}:){5}[0-9a-f]{2}/g) ?? []);
}

export class Comparison {
  readonly #lab: PlayedLab;
  readonly #player: Player;
  readonly #given: ReadonlySet<string>;
  /** What the other end of a drawn name is: `n1:vethX` to `a/eth0`. */
  readonly #aliases: Map<string, string>;
  /** The same of ours. */
  readonly #drawn = new Map<string, string>();

  constructor(lab: PlayedLab, player: Player) {
    this.#lab = lab;
    this.#player = player;
    this.#given = givenMacs(lab);
    this.#aliases = new Map(Object.entries(lab.aliases.veth ?? {}));
  }

  /** Pairs that were gone at the end have no alias: their ends name each other by number. */
  learn(index: number): void {
    const { steps, pods } = this.#lab;
    const links = (netns: string) => (stateAfter(steps, steps[index], netns)?.link ?? []) as ListedLink[];
    for (const { name, node } of pods)
      for (const { ifname, link_index } of links(name)) {
        const other = links(node).find((one) => one.ifindex === link_index && one.link_netnsid !== undefined);
        if (other && DRAWN.test(other.ifname)) this.#aliases.set(`${node}:${other.ifname}`, `${name}/${ifname}`);
      }
  }

  #mac = (mac: string) => (this.#given.has(mac) ? mac : undefined);

  /** By which names the recording calls what is drawn by chance. */
  #recorded(netns: string): Naming {
    return {
      link: (name) => {
        const alias = this.#aliases.get(`${netns}:${name}`);
        return alias === undefined ? name : `to-${alias}`;
      },
      mac: this.#mac,
    };
  }

  #own(netns: Netns): Naming {
    return {
      link: (name) => {
        const peer = netns.links.find((link) => link.name === name)?.peer;
        const key = `${netns.name}:${name}`;
        if (peer && peer.netns !== netns.name && DRAWN.test(name))
          this.#drawn.set(key, `to-${peer.netns}/${peer.link}`);
        // Rules may name it when it is gone.
        return this.#drawn.get(key) ?? name;
      },
      mac: this.#mac,
    };
  }

  /** The first difference of a namespace's state. */
  state(name: string, recorded: Recorded): string | undefined {
    const namespace = this.#player.namespace(name);
    if (!namespace) return `nothing was compiled of ${name}`;
    const theirs = this.#read(name, recorded);
    const expected = theirs && canonicalState(withKinds(theirs, recorded), this.#recorded(name));
    const found = canonicalState(namespace.netns, this.#own(namespace.netns));
    for (const [section, lines] of Object.entries(found)) {
      const different = differentLines(`${name} ${section}`, expected?.[section] ?? [], lines);
      if (different !== undefined) return different;
    }
    return (
      this.#rules(name, namespace, recorded) ?? this.#sysctls(name, namespace, recorded) ?? this.#files(name, recorded)
    );
  }

  /** What our reader of dumps makes of it. */
  #read(name: string, recorded: Recorded): Netns | undefined {
    const pod = this.#lab.pods.find((one) => one.name === name);
    const node = pod?.node ?? name;
    const { netnses } = readNode(node, filesOf(recorded, pod ? `netns/${name}/` : ''));
    return netnses.find(({ netns }) => netns.name === (pod ? `${node}/${name}` : node))?.netns;
  }

  #rules(name: string, namespace: cni.Namespace, recorded: Recorded): string | undefined {
    const naming = [this.#recorded(name), this.#own(namespace.netns)] as const;
    const named = (text: string, { link }: Naming) => text.replaceAll(/\bveth[0-9a-f]{8}\b/g, link);
    const text = (dump: string) => named(typeof recorded[dump] === 'string' ? recorded[dump] : '', naming[0]);
    const own = (its: string) => named(its, naming[1]);
    return (
      differentLines(
        `${name} iptables`,
        savedTables(text('iptables')),
        savedTables(own(namespace.iptables.ip.save())),
      ) ??
      differentLines(
        `${name} ip6tables`,
        savedTables(text('ip6tables')),
        savedTables(own(namespace.iptables.ip6.save())),
      ) ??
      differentLines(`${name} nft`, nftLines(text('nft')).sort(), nftLines(own(namespace.nftText())).sort())
    );
  }

  #sysctls(name: string, { netns }: cni.Namespace, recorded: Recorded): string | undefined {
    const { link } = this.#recorded(name);
    const own = this.#own(netns);
    const links = new Map(netns.links.map((one) => [own.link(one.name), one.name]));
    for (const [path, value] of Object.entries((recorded.sysctl ?? {}) as Record<string, string>)) {
      const [, before = '', device = '', behind = ''] =
        /^(net\/ipv[46]\/(?:conf|neigh)\/)([^/]+)(\/.*)$/.exec(path) ?? [];
      const mine = device === '' ? path : `${before}${links.get(link(device)) ?? device}${behind}`;
      const found =
        netns.sysctls[cni.sysctlName(mine)] ??
        netns.sysctls[cni.sysctlName(`${before}default${behind}`)] ??
        netns.sysctls[cni.sysctlName(`${before}lo${behind}`)] ??
        sysctl(netns.sysctls, cni.sysctlName(mine));
      if (String(found) !== value.replaceAll('\t', ' ') && String(found) !== value)
        return `${name} sysctl ${path}: expected ${value}, found ${found}`;
    }
    return undefined;
  }

  #files(name: string, recorded: Recorded): string | undefined {
    const host = this.#player.hosts.get(name);
    if (!host) return undefined;
    const lines = (files: Iterable<[string, string]>) => [...files].map(([path, text]) => `${path}: ${text}`).sort();
    const theirs = (dump: string) => Object.entries((recorded[dump] ?? {}) as Record<string, string>);
    return (
      differentLines(`${name} /var/lib/cni`, lines(theirs('files_lib')), lines(host.folder('/var/lib/cni'))) ??
      differentLines(`${name} /run/flannel`, lines(theirs('files_run')), lines(host.folder('/run/flannel')))
    );
  }

  /** The first difference of what a call of plugins gave. */
  call(step: CallStep, outcome: cni.Outcome): string | undefined {
    const expected = step.plugins.map(({ type, rc, out }) => (rc === 0 ? `${type} ok` : `${type} ${this.#said(out)}`));
    const found = outcome.ran.map(({ type, error }) =>
      error
        ? `${type} ${this.#said({ code: error.code, msg: error.message, ...(error.details && { details: error.details }) })}`
        : `${type} ok`,
    );
    const different = differentLines('plugins', expected, found);
    if (different !== undefined || !step.result) return different;
    if (!outcome.result) return 'there is no result';
    const version = String(step.result.cniVersion);
    const ours = this.#plain(cni.printedResult(version, outcome.result), (ns) => this.#ownNaming(ns));
    const theirs = this.#plain(step.result, (ns) => this.#recorded(ns));
    return ours === theirs ? undefined : `result: expected ${theirs}, found ${ours}`;
  }

  #ownNaming(name: string): Naming {
    const netns = this.#player.namespace(name)?.netns;
    return netns ? this.#own(netns) : this.#recorded(name);
  }

  #said(out: { code: number; msg: string; details?: string } | undefined): string {
    // Interfaces that are drawn by chance stand in messages too.
    return JSON.stringify(out ?? {}).replaceAll(/\bveth[0-9a-f]{8}\b/g, 'vethDRAWN');
  }

  /** A result whose names and link-layer addresses are those of both sides. */
  #plain(result: Readonly<Record<string, unknown>>, naming: (netns: string) => Naming): string {
    const interfaces = (result.interfaces ?? []) as { name: string; mac?: string; sandbox?: string }[];
    const nodes = this.#lab.nodes.map(({ name }) => name);
    const named = interfaces.map(({ name, mac, sandbox, ...rest }) => ({
      ...rest,
      name: sandbox ? name : (nodes.map((node) => naming(node).link(name)).find((one) => one !== name) ?? name),
      ...(mac !== undefined && { mac: this.#mac(mac) ?? 'drawn' }),
      ...(sandbox !== undefined && { sandbox }),
    }));
    const sorted = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(sorted)
        : typeof value === 'object' && value !== null
          ? Object.fromEntries(
              Object.entries(value)
                .sort(([a], [b]) => (a < b ? -1 : 1))
                .map(([key, one]) => [key, sorted(one)]),
            )
          : value;
    return JSON.stringify(sorted({ ...result, ...(result.interfaces !== undefined && { interfaces: named }) }));
  }
}
