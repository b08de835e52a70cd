/** Plays the steps of a case with our own plugins and daemons, on nodes that begin as the lab's did. */
import type { Netns } from '@podwire/engine';
import { cni, emptyNetns, readNode, splitShellWords } from '@podwire/model';
import { filesOf, type Lab, type Step, stateAfter } from './lab.ts';

/** One call of a plugin chain. */
export interface CallStep extends Step {
  node: string;
  network: string;
  pod: string;
  ifname: string;
  args?: string;
  runtimeConfig?: Record<string, unknown>;
  rc: number;
  plugins: { type: string; rc: number; out?: { code: number; msg: string; details?: string } }[];
  result?: Record<string, unknown>;
  error?: { code: number; msg: string; details?: string };
}

interface ExecStep extends Step {
  node: string;
  cmd: string;
}

/** A daemon starts or starts again. */
export interface StartStep extends Step {
  daemon: string;
  node: string;
  argv?: string[];
  net_conf?: unknown;
  rc?: number;
  /** The lab waited until nothing changed any more. */
  stable?: boolean;
}

export interface PlayedLab extends Lab {
  config: { conflists?: cni.Conflist[]; conflist?: cni.Conflist };
  nodes: { name: string; ips: string[]; podCIDRs: string[] }[];
  pods: { name: string; node: string; ns: string; cid: string }[];
}

/** A step that nobody plays: by its name. */
export class NotPlayed extends Error {}

/** A node as it was before anything was done to it. */
function firstNode(lab: Lab, node: string): Netns {
  const first = lab.steps.find((step) => step.state?.[node]);
  const state = stateAfter(lab.steps, first, node);
  if (!state || first?.op !== 'record') return emptyNetns(node);
  const [dump] = readNode(node, filesOf(state, '')).netnses;
  return dump?.netns ?? emptyNetns(node);
}

/** Settings that nobody made are those of a fresh namespace, as the node's own still are. */
function freshSysctls(node: Netns): Record<string, string | number> {
  // Bridges are told to call iptables in each namespace by itself.
  const ofEth0 = /\.eth0\.|^net\.bridge\./;
  return Object.fromEntries(Object.entries(node.sysctls).filter(([name]) => !ofEth0.test(name)));
}

export class Player {
  readonly hosts = new Map<string, cni.Host>();
  readonly #runtimes = new Map<string, cni.Runtime>();
  readonly #lab: PlayedLab;
  readonly #board = new cni.Board();
  /** Running ones, by node. */
  readonly #daemons = new Map<string, { daemon: cni.Daemon; step: StartStep }>();

  constructor(lab: PlayedLab) {
    this.#lab = lab;
    for (const { name, podCIDRs } of lab.nodes)
      this.#board.nodes.set(name, {
        name,
        podCIDRs,
        // A case whose nodes have none says so in its note.
        annotations: /no metadata\.annotations/.test(lab.note ?? '') ? undefined : {},
      });
    for (const { name } of lab.nodes) {
      const host = new cni.Host(firstNode(lab, name));
      const fresh = freshSysctls(host.own.netns);
      this.hosts.set(name, host);
      this.#restore(host);
      this.#runtimes.set(name, new cni.Runtime(host));
      for (const pod of lab.pods.filter((one) => one.node === name)) {
        const { netns } = host.addPod(pod.name);
        netns.sysctls = fresh;
      }
    }
  }

  /** Rules that stood there before. */
  #restore({ name, own }: cni.Host): void {
    const { steps } = this.#lab;
    const first = steps.find((step) => step.state?.[name]);
    const state = first?.op === 'record' ? stateAfter(steps, first, name) : undefined;
    for (const [dump, tool] of [['iptables', own.iptables.ip] as const, ['ip6tables', own.iptables.ip6] as const])
      if (typeof state?.[dump] === 'string') tool.restore(state[dump]);
  }

  /** Undefined where there is none of this name. */
  namespace(name: string): cni.Namespace | undefined {
    const own = this.hosts.get(name)?.own;
    return own ?? [...this.hosts.values()].map((host) => host.pods.get(name)).find((one) => one !== undefined);
  }

  hostOf(netns: string): cni.Host | undefined {
    return this.hosts.get(netns) ?? [...this.hosts.values()].find((host) => host.pods.has(netns));
  }

  #list(name: string): cni.Conflist {
    const { conflists = [], conflist } = this.#lab.config;
    const found = [...conflists, ...(conflist ? [conflist] : [])].find((one) => one.name === name);
    if (!found) throw new NotPlayed(`the case holds no conflist ${name}`);
    return found;
  }

  call(step: CallStep): cni.Outcome {
    const { node, network, ifname, args = '', runtimeConfig = {} } = step;
    const pod = this.#lab.pods.find(({ name }) => name === step.pod);
    const runtime = this.#runtimes.get(node);
    if (!pod || !runtime) throw new NotPlayed(`there is no pod ${step.pod} on ${node}`);
    const attachment: cni.Attachment = {
      containerId: pod.cid,
      netnsPath: pod.ns,
      pod: this.hosts.get(node)?.pods.get(pod.name),
      ifname,
      args,
    };
    const verb = step.op.toLowerCase() as 'add' | 'check' | 'del';
    return runtime[verb](this.#list(network), attachment, runtimeConfig);
  }

  #exec({ node, cmd }: ExecStep): void {
    const own = this.hosts.get(node)?.own;
    for (const part of cmd.split(';')) {
      const [tool, ...words] = splitShellWords(part.trim()) ?? [];
      if (tool === 'ip') own?.ip(part.trim().slice(3));
      else if (tool === 'iptables') own?.iptables.ip.run(words);
      else if (tool === 'ip6tables') own?.iptables.ip6.run(words);
      else throw new NotPlayed(`the command ${tool} is not played`);
    }
  }

  /** How it ended: 1 where it ends at once. */
  #start(step: StartStep): number {
    const { daemon: name, argv = [], net_conf } = step;
    const host = this.hosts.get(step.node);
    const node = this.#board.nodes.get(step.node);
    if (!host || !node) throw new NotPlayed(`there is no node ${step.node}`);
    try {
      const daemon = cni.daemonOf(name, { host, board: this.#board, node, argv }, net_conf);
      daemon.start();
      this.#daemons.set(step.node, { daemon, step });
    } catch (error) {
      if (error instanceof cni.DaemonFailure) return 1;
      throw error;
    }
    this.#sync();
    return 0;
  }

  #sync(): void {
    for (const { daemon } of this.#daemons.values()) daemon.sync();
  }

  #restart({ net_conf }: StartStep): void {
    const before = [...this.#daemons.values()];
    this.#daemons.clear();
    for (const { step } of before) this.#start({ ...step, net_conf });
  }

  /** How a daemon's start ended; undefined for other steps. */
  started(step: Step): number | undefined {
    const ended = step.op === 'start' ? this.#start(step as StartStep) : undefined;
    // The lab waited for all; those that had started before had more time.
    const { stable, node } = step as StartStep;
    if (stable) for (const [name, { daemon }] of this.#daemons) if (name !== node) daemon.later?.();
    return ended;
  }

  /** What a call came to; undefined for other steps. Throws `NotPlayed`. */
  play(step: Step): cni.Outcome | undefined {
    switch (step.op) {
      case 'record':
        return undefined;
      case 'ADD':
      case 'CHECK':
      case 'DEL':
        return this.call(step as CallStep);
      case 'exec':
        this.#exec(step as ExecStep);
        return undefined;
      case 'restart':
        this.#restart(step as StartStep);
        return undefined;
      case 'delete-node':
        this.#daemons.delete((step as StartStep).node);
        this.#board.nodes.delete((step as StartStep).node);
        this.#sync();
        return undefined;
      case 'stop':
        this.#daemons.clear();
        return undefined;
      default:
        throw new NotPlayed(`what ${step.op} does to ${this.#lab.cni} is not compiled yet`);
    }
  }
}
