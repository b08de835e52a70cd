/** The portmap plugin's configuration (plugins/meta/portmap/main.go:parseConfig). */
import { type Call, CniError } from '../../runtime/call.ts';
import { flag, has, list, number, object, text } from '../../runtime/conf.ts';
import { familyOf } from '../../shared/address.ts';

export interface Mapping {
  hostPort: number;
  containerPort: number;
  /** As the runtime gave it: `tcp`, but also `TCP`. */
  protocol: string;
  hostIP?: string;
}

export interface Settings {
  network: string;
  id: string;
  backend: 'iptables' | 'nftables';
  snat: boolean;
  masqueradesAll: boolean;
  markBit: number;
  /** Chain of somebody else that marks what is to be masqueraded. */
  externalMarkChain: string | undefined;
  conditions: Readonly<Record<4 | 6, readonly string[]>>;
  mappings: readonly Mapping[];
  /** The pod's address of each family, with the length of its subnet. */
  addresses: { 4?: string; 6?: string };
}

const DEFAULT_MARK_BIT = 13;

/** Whose words the conditions are. */
function backendOf([first]: readonly string[]): Settings['backend'] | undefined {
  if (first === undefined || first === '') return undefined;
  return first.startsWith('-') || first.startsWith('!') ? 'iptables' : 'nftables';
}

function checkBackend(asked: string, external: string | undefined, conditions: Settings['conditions']): void {
  const other = asked === 'iptables' ? 'nftables' : 'iptables';
  const wrong = [
    ...(external !== undefined && other === 'iptables' ? ['externalSetMarkChain'] : []),
    ...(backendOf(conditions[4]) === other ? ['conditionsV4'] : []),
    ...(backendOf(conditions[6]) === other ? ['conditionsV6'] : []),
  ];
  if (wrong.length > 0)
    throw new CniError(
      `failed to parse config: ${asked} backend was requested but configuration contains ${other}-specific options [${wrong.join(' ')}]`,
    );
}

/** Addresses of the pod's own interface, the first of each family. */
function addressesOf({ prevResult, ifname }: Call): Settings['addresses'] {
  const found: Settings['addresses'] = {};
  for (const { address, interface: index } of prevResult?.ips ?? []) {
    const on = index === undefined ? undefined : prevResult?.interfaces[index];
    if (on && (on.name !== ifname || on.sandbox === undefined)) continue;
    found[familyOf(address)] ??= address;
  }
  return found;
}

function checkPorts({ containerPort, hostPort }: Mapping): void {
  if (!(containerPort > 0))
    throw new CniError(`failed to parse config: Invalid container port number: ${containerPort}`);
  if (!(hostPort > 0)) throw new CniError(`failed to parse config: Invalid host port number: ${hostPort}`);
}

export function settingsOf(call: Call): Settings {
  const { conf, containerId } = call;
  const external = text(conf, 'externalSetMarkChain');
  if (has(conf, 'markMasqBit') && external !== undefined)
    throw new CniError('failed to parse config: Cannot specify externalSetMarkChain and markMasqBit');
  const markBit = number(conf, 'markMasqBit') ?? DEFAULT_MARK_BIT;
  if (markBit < 0 || markBit > 31) throw new CniError('failed to parse config: MasqMarkBit must be between 0 and 31');
  const conditions = { 4: list<string>(conf, 'conditionsV4'), 6: list<string>(conf, 'conditionsV6') };
  const backend = text(conf, 'backend') ?? 'iptables';
  checkBackend(backend, external, conditions);
  if (backend !== 'iptables' && backend !== 'nftables')
    throw new CniError(`failed to parse config: unrecognized backend "${backend}"`);
  const mappings = list<Mapping>(object(conf, 'runtimeConfig'), 'portMappings');
  for (const mapping of mappings)
    checkPorts({ ...mapping, hostPort: mapping.hostPort ?? 0, containerPort: mapping.containerPort ?? 0 });
  return {
    network: conf.name,
    id: containerId,
    backend,
    snat: has(conf, 'snat') ? flag(conf, 'snat') : true,
    masqueradesAll: flag(conf, 'masqAll'),
    markBit,
    externalMarkChain: external,
    conditions,
    mappings,
    addresses: addressesOf(call),
  };
}

/** Mappings that count for a family, and whether their host address is to be matched. */
export function mappingsOf({ mappings }: Settings, family: 4 | 6): { mapping: Mapping; hostIP: string | undefined }[] {
  return mappings.flatMap((mapping) => {
    const { hostIP = '' } = mapping;
    if (hostIP === '') return [{ mapping, hostIP: undefined }];
    if (familyOf(hostIP) !== family) return [];
    return [{ mapping, hostIP: hostIP === '0.0.0.0' || hostIP === '::' ? undefined : hostIP }];
  });
}

export const isMappedBy = (settings: Settings): boolean => settings.mappings.length > 0;
