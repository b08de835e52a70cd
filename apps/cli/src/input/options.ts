/** Options that every command with a cluster has: what to read, and what to take over the input. */
import { type Command, InvalidArgumentError, Option } from 'commander';

/** `worker-1=DIR`, `shop/api-1=DIR`. */
export interface NodeFlag {
  name: string;
  path: string;
}

export interface InputFlags {
  node?: NodeFlag[];
  inPod?: NodeFlag[];
  file?: string[];
  namespace?: string;
  nodes?: number;
  ipFamilies?: string[];
  proxyMode?: string;
  podCidr?: string[];
  serviceCidr?: string[];
  nodePortRange?: { from: number; to: number };
  clusterDomain?: string;
  clusterDns?: string[];
  cni?: string;
  wiring?: string;
  masqueradeAll?: boolean;
  strict?: boolean;
  lenient?: boolean;
  quiet?: boolean;
}

export const PROXY_MODES = ['iptables', 'nftables', 'ipvs', 'ebpf', 'none'];

function collectValues(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value];
}

function nodeDump(value: string, before: NodeFlag[] | undefined): NodeFlag[] {
  const [, name, path] = /^([^=]+)=(.+)$/.exec(value) ?? [];
  if (name === undefined || path === undefined)
    throw new InvalidArgumentError('Give a name and a path: worker-1=dumps/.');
  if (before?.some((flag) => flag.name === name)) throw new InvalidArgumentError(`Node ${name} is given twice.`);
  return [...(before ?? []), { name, path }];
}

function podDump(value: string, before: NodeFlag[] | undefined): NodeFlag[] {
  const [, name, path] = /^([^=/]+\/[^=/]+)=(.+)$/.exec(value) ?? [];
  if (name === undefined || path === undefined)
    throw new InvalidArgumentError('Give a namespace, a name and a path: shop/api-1=ss.txt.');
  if (before?.some((flag) => flag.name === name)) throw new InvalidArgumentError(`Pod ${name} is given twice.`);
  return [...(before ?? []), { name, path }];
}

function splitValues(value: string): string[] {
  return value.split(',').filter((part) => part !== '');
}

export function wholeNumber(min: number, max: number): (value: string) => number {
  return (value) => {
    if (!/^\d+$/.test(value) || Number(value) < min || Number(value) > max) {
      throw new InvalidArgumentError(`Give a whole number from ${min} to ${max}.`);
    }
    return Number(value);
  };
}

function portRange(value: string): { from: number; to: number } {
  const parts = /^(\d+)-(\d+)$/.exec(value);
  const from = Number(parts?.[1]);
  const to = Number(parts?.[2]);
  if (!parts || from < 1 || to > 65535 || from > to)
    throw new InvalidArgumentError('Give a range such as 30000-32767.');
  return { from, to };
}

/** `IPv4,IPv6`, primary first; `4` and `ipv4` mean the same. */
function families(value: string): string[] {
  return splitValues(value).map((part) => {
    const family = /^(?:ip(?:v)?)?([46])$/i.exec(part)?.[1];
    if (family === undefined)
      throw new InvalidArgumentError('Give IPv4, IPv6, or both with a comma, the primary first.');
    return `IPv${family}`;
  });
}

/** What happens before the packet is sent. */
export function afterOption(): Option {
  return new Option(
    '--after <change>',
    'a packet of a connection made before this happened: "delete pod/X", "delete svc/X", "terminate pod/X", "restart pod/X", "set pod/X ready=false", "scale deploy/X=3", "flush conntrack", or a time such as 35s; may be given again, in order',
  ).argParser(collectValues);
}

/** Nodes at their limits. */
export function fullOption(): Option {
  return new Option(
    '--full <what>',
    'assume that nodes have no port left to translate the source to, or a full table of connections',
  ).choices(['ports', 'table']);
}

/** Adds them, in two groups of the help. */
export function addInputOptions(command: Command): Command {
  return command
    .optionsGroup('Input:')
    .addOption(
      new Option(
        '-f, --file <path>',
        'manifests or a snapshot: file, folder, tar(.gz) or - for standard input; folders nodes/NAME and pods/NAMESPACE/NAME in it are dumps; may be given again',
      ).argParser(collectValues),
    )
    .addOption(
      new Option(
        '--node <name=path>',
        "what a node's own tools printed (ip, iptables-save ...): folder, tar(.gz) or file; in place of what would be compiled for it; may be given again",
      ).argParser(nodeDump),
    )
    .addOption(
      new Option(
        '--in-pod <namespace/name=path>',
        'what ss, sysctl, iptables-save printed inside a pod: folder, tar(.gz) or file; may be given again',
      ).argParser(podDump),
    )
    .option('-n, --namespace <name>', 'namespace of names, and of objects, that say none')
    .addOption(new Option('--strict', 'no answer when the input has any error').conflicts('lenient'))
    .option('--lenient', 'exit by the answer even where the input is unreadable or wrong (otherwise 2)')
    .optionsGroup('Settings over the input (detected or assumed otherwise, see "cluster"):')
    .addOption(new Option('--proxy-mode <mode>', 'what handles Services').choices(PROXY_MODES))
    .option('--pod-cidr <cidrs>', 'pod network, one per family with a comma', splitValues)
    .option('--service-cidr <cidrs>', 'Service network, one per family with a comma', splitValues)
    .option('--node-port-range <range>', 'for example 30000-32767', portRange)
    .option('--cluster-domain <name>', 'domain of the cluster DNS')
    .option('--cluster-dns <addresses>', 'addresses of the cluster DNS that kubelets are told', splitValues)
    .option('--cni <name>', 'network plugin: kindnet, flannel, calico, cilium ...')
    .addOption(new Option('--wiring <how>', 'how pods hang on their node').choices(['bridge', 'point-to-point']))
    .option('--masquerade-all', "kube-proxy's masqueradeAll")
    .option('--nodes <count>', 'nodes to make where the input has none', wholeNumber(1, 5000))
    .option('--ip-families <families>', 'IPv4, IPv6, or both with a comma, the primary first', families)
    .optionsGroup('Output:')
    .option('-q, --quiet', 'no warnings about the input');
}
