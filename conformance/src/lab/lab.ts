/** Drives `lab.py`, which holds the namespaces: one request, one answer. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Plan, TextProgram } from './plan.ts';

import type { Tracked, Tried } from './terms.ts';

/** One attempt, with the port it sends from. */
export interface Attempt {
  id: string;
  from: string;
  protocol: Tried;
  saddr?: string;
  sport: number;
  daddr: string;
  dport: number;
  /** Something should come back: it is waited for longer. */
  awaited?: boolean;
}

interface SocketAddress {
  address: string;
  port: number;
}

/** What happened to it. Without `reply` and `error` nothing came back in time. */
export interface AttemptResult {
  id: string;
  reply?: boolean;
  /** Errno by name. */
  error?: string;
  icmp?: { type: number; code: number; sender: string };
  client?: SocketAddress;
  endpoint?: { netns: string } & SocketAddress;
  saw?: SocketAddress;
  /** TCP: the handshake was completed, as far as the client can tell. */
  connected?: boolean;
}

export interface ProbeAnswer {
  results: AttemptResult[];
  /** What conntrack holds in the network namespaces asked for. */
  tracked: Tracked[];
}

/** A packet for `lab.py` to make: from a socket, or straight onto a wire as a whole frame. */
export type EventRequest =
  | {
      send: {
        from: string;
        family: number;
        protocol: number;
        saddr: string;
        sport: number;
        daddr: string;
        dport: number;
        ttl: number;
        tos: number;
        mark: number;
        dontFragment: boolean;
        payload: string;
      };
    }
  | { inject: { netns: string; link: string; frame: string } };

/** An event of `nft monitor trace`; the first of each base chain shows the packet. */
export type RuleEvent =
  | { lost: true }
  | {
      family: number;
      table: string;
      chain: string;
      id: string;
      rule?: number;
      policy?: string;
      verdict?: string;
      target?: string;
      packet?: string;
      mark?: number;
    };

/** All that followed one packet. */
export interface EventAnswer {
  error: string | null;
  /** What came in on links: network namespace, link, direction, and the packet from its IP header on. */
  frames: [netns: string, link: string, direction: number, packet: string][];
  rules: Record<string, RuleEvent[]>;
  arrivals: { netns: string; local: [string, number]; peer: [string, number] }[];
  tracked: (Omit<Tracked, 'protocol'> & { protocol: number; zone: number; snat: boolean; dnat: boolean })[];
}

/** The lab itself failed: the kernel was not asked. */
export class LabError extends Error {
  override name = 'LabError';
}

const TOOLS = ['ip', 'iptables-nft-restore', 'ip6tables-nft-restore'] as const;
export const PATH = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`;
/** The system's Python: one by a version manager starts slowly. */
export const PYTHON = '/usr/bin/python3';

/** Why the kernel cannot be asked here, with these tools; undefined where it can. */
export function kernelMissing(tools: readonly string[] = TOOLS): string | undefined {
  if (process.platform !== 'linux') return 'needs kernel: not Linux';
  if (process.getuid?.() !== 0) return 'needs kernel: not root';
  for (const tool of [...tools, PYTHON]) {
    const { status } = spawnSync('sh', ['-c', `command -v ${tool}`], { env: { ...process.env, PATH } });
    if (status !== 0) return `needs kernel: no ${tool}`;
  }
  const { status } = spawnSync('unshare', ['--net', 'true'], { env: { ...process.env, PATH } });
  return status === 0 ? undefined : 'needs kernel: network namespaces are not allowed';
}

export class Lab {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting: { resolve(line: string): void; reject(error: Error): void }[] = [];
  readonly #exited: Promise<void>;
  #errors = '';

  constructor() {
    const program = fileURLToPath(new URL('./lab.py', import.meta.url));
    this.#child = spawn(PYTHON, ['-B', program], { env: { ...process.env, PATH }, stdio: 'pipe' });
    this.#child.stderr.on('data', (data: Buffer) => {
      this.#errors += data.toString();
    });
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#waiting.shift()?.resolve(line));
    this.#exited = new Promise((resolve) => {
      const ended = (why: string) => {
        for (const waiting of this.#waiting.splice(0)) waiting.reject(new LabError(`lab.py ${why} ${this.#errors}`));
        resolve();
      };
      this.#child.on('error', (error) => ended(error.message));
      this.#child.on('exit', (code, signal) => ended(`ended with ${code ?? signal}`));
    });
    this.#child.stdin.on('error', () => undefined);
  }

  async #ask<T>(request: object): Promise<T> {
    const line = await new Promise<string>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    });
    const answer = JSON.parse(line) as T & { failure?: string };
    if (answer.failure !== undefined) throw new LabError(answer.failure);
    return answer;
  }

  /** Takes down what was there and builds this. */
  async build(plan: Plan): Promise<void> {
    await this.#ask({ do: 'build', ...plan });
  }

  probe(attempts: readonly Attempt[], timeoutMs: number, tracking: readonly string[]): Promise<ProbeAnswer> {
    return this.#ask({ do: 'probes', probes: attempts, timeoutMs, tracking });
  }

  /** From now on, what comes in on all links of `frames`, and which rules packets meet in `rules`. */
  async listen(frames: readonly string[], rules: readonly string[]): Promise<void> {
    await this.#ask({ do: 'listen', frames, rules });
  }

  event(request: EventRequest & { patienceMs: number; tracking: readonly string[] }): Promise<EventAnswer> {
    return this.#ask({ do: 'event', ...request });
  }

  /** Forgets connections and the lists of the match `recent`; `programs` forget the rest. */
  async flush(netnses: readonly string[], programs: readonly TextProgram[] = []): Promise<void> {
    await this.#ask({ do: 'flush', netnses, programs });
  }

  /** Programs side by side, all of which have to succeed. */
  async run(programs: readonly TextProgram[]): Promise<void> {
    if (programs.length > 0) await this.#ask({ do: 'run', programs });
  }

  /** What a program prints in a namespace. */
  async output(netns: string, argv: readonly string[]): Promise<string> {
    const { code, out, err } = await this.#ask<{ code: number; out: string; err: string }>({
      do: 'execute',
      netns,
      argv,
    });
    if (code !== 0) throw new LabError(`${argv.join(' ')} in ${netns}: ${err.trim()}`);
    return out;
  }

  /** Forgets who has which address. */
  async unlearn(netnses: readonly string[]): Promise<void> {
    await this.#ask({ do: 'unlearn', netnses });
  }

  async clear(): Promise<void> {
    await this.#ask({ do: 'clear' });
  }

  /** The namespaces live as long as the process. */
  async close(): Promise<void> {
    this.#child.stdin.end();
    await this.#exited;
  }
}
