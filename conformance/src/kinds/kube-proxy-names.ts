/** Names of chains and sets, in iptables and nftables mode. */
import { iptablesNames, nftablesNames, servicePortName } from '@podwire/model';
import { fail, type Kind, type Outcome, pass, type SuiteCase } from '../runner/contract.ts';
import { firstDifference } from '../runner/difference.ts';

interface NamesCase {
  id: string;
  namespace: string;
  name: string;
  port: string;
  protocol: string;
  servicePortName: string;
  /** `10.0.0.1:80`: the names of one endpoint. */
  endpoint?: string;
  expect: { iptables?: Record<string, string>; nftables?: Record<string, string> };
}

function namesOf(row: NamesCase): NamesCase['expect'] {
  const { namespace, name, port, protocol, endpoint } = row;
  const portName = servicePortName(namespace, name, port);
  const found: NamesCase['expect'] = {};
  if (endpoint === undefined) {
    found.iptables = { ...iptablesNames.serviceChainNames(portName, protocol) };
    found.nftables = { ...nftablesNames.serviceChainNames(namespace, name, port, protocol) };
  } else {
    const colon = endpoint.lastIndexOf(':');
    const ip = endpoint.slice(0, colon).replace(/^\[|\]$/g, '');
    const number = Number(endpoint.slice(colon + 1));
    found.iptables = { endpoint: iptablesNames.endpointChainName(portName, protocol, endpoint) };
    found.nftables = { ...nftablesNames.endpointNames(namespace, name, port, protocol, ip, number) };
  }
  // A mode is left out where only the other one's tests had the name.
  if (!row.expect.iptables) delete found.iptables;
  if (!row.expect.nftables) delete found.nftables;
  return found;
}

function judge(row: NamesCase): Outcome {
  const portName = servicePortName(row.namespace, row.name, row.port);
  const difference = firstDifference(
    { servicePortName: row.servicePortName, ...row.expect },
    { servicePortName: portName, ...namesOf(row) },
  );
  return difference === undefined ? pass : fail(difference);
}

export const kubeProxyNames: Kind = {
  kind: 'kube-proxy-names',
  *cases(suite): Generator<SuiteCase> {
    for (const row of suite.jsonLines<NamesCase>('cases.jsonl')) yield { id: row.id, run: () => judge(row) };
  },
};
