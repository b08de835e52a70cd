/** Programs that run on every node and keep its network as the cluster is: flanneld, kindnetd, kube-router, Felix. */
import type { Host } from '../host/host.ts';

/** What daemons know of a node by the API server. */
export interface BoardNode {
  name: string;
  podCIDRs: readonly string[];
  /** Undefined: the object has none at all. Daemons write theirs here. */
  annotations: Record<string, string> | undefined;
}

/** The API server as daemons see it. */
export class Board {
  /** In the order in which they came. */
  readonly nodes = new Map<string, BoardNode>();
}

/** How it was started. */
export interface Start {
  host: Host;
  board: Board;
  /** Its own node. */
  node: BoardNode;
  /** With the program's name in front. */
  argv: readonly string[];
}

/** It ends at once, as the real one does. */
export class DaemonFailure extends Error {}

export interface Daemon {
  /** What it does once, at its start. Throws `DaemonFailure`. */
  start(): void;
  /** Brings the node to what the board says. */
  sync(): void;
  /** What it does not do at once, but some seconds after its start. */
  later?(): void;
}

/** `--name=value` or `--name value`; undefined where it is not given. */
export function flagOf(argv: readonly string[], name: string): string | undefined {
  const at = argv.findIndex((word) => word === `--${name}` || word.startsWith(`--${name}=`));
  const word = argv[at];
  if (word === undefined) return undefined;
  return word.includes('=')
    ? word.slice(word.indexOf('=') + 1)
    : (argv[at + 1]?.startsWith('-') ?? true)
      ? 'true'
      : argv[at + 1];
}

/** A flag that is on or off. */
export function isOn(argv: readonly string[], name: string, byDefault = false): boolean {
  const value = flagOf(argv, name);
  return value === undefined ? byDefault : value === 'true' || value === '1';
}
