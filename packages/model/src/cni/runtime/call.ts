/** One call of a plugin as the CNI specification has it: what it is given, and how it fails. */
import type { Host } from '../host/host.ts';
import type { Namespace } from '../host/namespace.ts';
import type { Conf } from './conf.ts';
import type { Result } from './result.ts';

/** A plugin said no: what it prints on its standard output (CNI specification, section 5, "Error"). */
export class CniError extends Error {
  readonly code: number;
  readonly details: string | undefined;

  constructor(message: string, code = 999, details?: string) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

/** What nobody plays: no plugin said it, and the answer that needs it is unknown. */
export class Unmodelled extends Error {}

/** What the runtime tells of the container. */
export interface Attachment {
  containerId: string;
  /** Path of its network namespace: `/run/netns/a`. */
  netnsPath: string;
  /** Undefined where the namespace is gone. */
  pod: Namespace | undefined;
  ifname: string;
  /** CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAME=web-0`. */
  args: string;
}

export interface Call extends Attachment {
  host: Host;
  conf: Conf;
  /** Of the plugin before it in the chain (ADD), or of the whole chain's ADD (CHECK, DEL). */
  prevResult: Result | undefined;
}

/**
 * What the programs of a plugin do. Each throws `CniError` for what the real one refuses; what it did until then stands, as it does on a
 * real node. Throws `Unmodelled` for what podwire does not play. An address manager is one, too: its result has no interfaces.
 */
export interface Plugin {
  add(call: Call): Result;
  check(call: Call): void;
  del(call: Call): void;
}

/**
 * CNI_ARGS as the reference library reads them (pkg/types/args.go:LoadArgs): keys that the plugin does not know are refused unless
 * `IgnoreUnknown` is true.
 */
export function readArgs(args: string, known: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  const unknown: string[] = [];
  if (args === '') return found;
  for (const pair of args.split(';')) {
    const parts = pair.split('=');
    const [key = '', value = ''] = parts;
    if (parts.length !== 2) throw new CniError(`ARGS: invalid pair "${pair}"`);
    if (known.includes(key) || key === 'IgnoreUnknown') found.set(key, value);
    else unknown.push(`"${pair}"`);
  }
  const ignore = ['1', 'true', 'TRUE', 'True'].includes(found.get('IgnoreUnknown') ?? '');
  if (unknown.length > 0 && !ignore) throw new CniError(`ARGS: unknown args [${unknown.join(' ')}]`);
  return found;
}
