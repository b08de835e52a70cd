/**
 * Names of the chains and sets that kube-proxy makes in nftables mode. They carry the names themselves behind eight letters of a hash, so
 * that only names cut for their length depend on it. (pkg/proxy/nftables: servicePortChainNameBase, servicePortEndpointChainNameBase)
 */
import { nameHash } from '../names.ts';

export interface ServiceChainNames {
  cluster: string;
  local: string;
  firewall: string;
  external: string;
}

export interface EndpointNames {
  endpoint: string;
  affinitySet: string;
}

/** nft allows 255 characters; kube-proxy keeps room for its own prefixes. */
const NAME_BASE_LENGTH_MAX = 240;

function nameBase(text: string): string {
  const name = `${nameHash(text, 8)}-${text}`;
  return name.length > NAME_BASE_LENGTH_MAX ? `${name.slice(0, NAME_BASE_LENGTH_MAX - 3)}...` : name;
}

/** @param protocol Lower case: `tcp`. @param port The port's name, empty where it has none. */
export function serviceChainNames(namespace: string, name: string, port: string, protocol: string): ServiceChainNames {
  const base = nameBase(`${namespace}/${name}/${protocol}/${port}`);
  return {
    cluster: `service-${base}`,
    local: `local-${base}`,
    firewall: `firewall-${base}`,
    external: `external-${base}`,
  };
}

/** @param ip The endpoint's address; colons are no part of an nft name and become dots. */
export function endpointNames(
  namespace: string,
  name: string,
  port: string,
  protocol: string,
  ip: string,
  endpointPort: number,
): EndpointNames {
  const base = nameBase(`${namespace}/${name}/${protocol}/${port}__${ip.replaceAll(':', '.')}/${endpointPort}`);
  return { endpoint: `endpoint-${base}`, affinitySet: `affinity-${base}` };
}
