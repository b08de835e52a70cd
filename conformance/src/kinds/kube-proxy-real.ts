/** What the real kube-proxy left in iptables and ip6tables, or in nftables, of one node. */
import type { Table } from '@podwire/engine';
import { printIptablesSave, printNftTables } from '@podwire/model';
import { fail, type Kind, type Outcome, pass, type SuiteCase, skip } from '../runner/contract.ts';
import { firstDifference } from '../runner/difference.ts';
import type { Suite } from '../runner/suite.ts';
import { readBlocks, withoutServices } from './kube-proxy-real-nft.ts';
import {
  compilerNamed,
  configOf,
  nodeOf,
  objectsOf,
  type RecordedConfig,
  type RecordedState,
} from './kube-proxy-recording.ts';

interface RealCase {
  id: string;
  state: string;
  node: string;
  mode: string;
  config: RecordedConfig;
  interfaces: { addresses: string[] }[];
  sysctls: Record<string, string>;
  /** Services of which the real thing writes either of two rulesets. */
  undetermined?: string[];
}

/** Rules by `table chain`. */
type Chains = Record<string, string[]>;

function readChains(text: string): Chains {
  const chains: Chains = {};
  let table = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1);
    else if (line.startsWith(':')) chains[`${table} ${line.slice(1).split(' ', 1)[0]}`] = [];
    else if (line.startsWith('-A ')) chains[`${table} ${line.split(' ', 2)[1]}`]?.push(line);
  }
  return chains;
}

/** Chains in which service ports come in no fixed order. */
const UNORDERED = /^(?:filter|nat) KUBE-(?:SERVICES|NODEPORTS|EXTERNAL-SERVICES|PROXY-FIREWALL)$/;
const LAST = 'NOTE: this must be the last rule in this chain';

const commentOf = (rule: string) => /--comment (?:"([^"]*)"|(\S+))/.exec(rule)?.slice(1).join('') ?? '';
const serviceOf = (rule: string) => /^([^ :]+\/[^ :]+)/.exec(commentOf(rule))?.[1] ?? '';

/** Rules of one service port keep their order among themselves; the node port jump stays last. */
function sortByPort(rules: string[]): string[] {
  const key = (rule: string) => (rule.includes(LAST) ? '~' : commentOf(rule).split(' ', 1)[0]) ?? '';
  return rules
    .map((rule, index) => ({ rule, index }))
    .sort((a, b) => (key(a.rule) < key(b.rule) ? -1 : key(a.rule) > key(b.rule) ? 1 : a.index - b.index))
    .map(({ rule }) => rule);
}

function normalise(text: string, undetermined: readonly string[]): Chains {
  const isUndetermined = (rule: string) => undetermined.some((service) => serviceOf(rule) === service);
  const chains = readChains(text);
  for (const [name, rules] of Object.entries(chains)) {
    if (UNORDERED.test(name)) chains[name] = sortByPort(rules.filter((rule) => !isUndetermined(rule)));
    else if (rules.some(isUndetermined)) delete chains[name];
  }
  return chains;
}

/** Which of a state's endpoints belong to these Services. */
function endpointsOf({ endpointslices }: RecordedState, services: readonly string[]) {
  const theirs = new Set(
    endpointslices
      .filter(({ metadata: { namespace, labels } }) =>
        services.includes(`${namespace}/${labels?.['kubernetes.io/service-name']}`),
      )
      .flatMap(({ endpoints, ports }) =>
        (endpoints ?? []).flatMap(({ addresses }) =>
          (ports ?? []).flatMap(({ port }) => addresses.map((address) => `${address} ${port}`)),
        ),
      ),
  );
  return (address: string, port: string) => theirs.has(`${address} ${port}`);
}

function nftDifference(suite: Suite, folder: string, row: RealCase, state: RecordedState, tables: Table[]) {
  const { undetermined = [] } = row;
  const isTheirs = endpointsOf(state, undetermined);
  const blocks = (text: string) => withoutServices(readBlocks(text), undetermined, isTheirs);
  return firstDifference(blocks(suite.text(`${folder}/nft.txt`)), blocks(printNftTables(tables)), 'nft.txt');
}

function iptablesDifference(suite: Suite, folder: string, row: RealCase, tables: Table[]): string | undefined {
  const undetermined = row.undetermined ?? [];
  for (const [file, family] of [
    ['iptables-save.txt', 'ip'],
    ['ip6tables-save.txt', 'ip6'],
  ] as const) {
    const expected = normalise(suite.text(`${folder}/${file}`), undetermined);
    const found = normalise(printIptablesSave(tables, family), undetermined);
    const difference = firstDifference(expected, found, file);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function judge(suite: Suite, folder: string): Outcome {
  const row = suite.json<RealCase>(`${folder}/case.json`);
  const compiler = compilerNamed(row.mode);
  if (!compiler) return skip(`${row.mode} mode`);
  const state = suite.json<RecordedState>(`states/${row.state}.json`);
  const config = configOf(row, row.sysctls['net.netfilter.nf_conntrack_tcp_be_liberal'] === '1');
  const node = nodeOf(
    row.node,
    state,
    row.interfaces.flatMap(({ addresses }) => addresses),
  );
  const { tables, sysctls } = compiler.prepare(objectsOf(state), config)(node);
  const rules =
    row.mode === 'nftables'
      ? nftDifference(suite, folder, row, state, tables)
      : iptablesDifference(suite, folder, row, tables);
  if (rules !== undefined) return fail(rules);
  const route = 'net.ipv4.conf.all.route_localnet';
  const difference = firstDifference(row.sysctls[route], String(sysctls[route] ?? 0), route);
  return difference === undefined ? pass : fail(difference);
}

export const kubeProxyReal: Kind = {
  kind: 'kube-proxy-real',
  *cases(suite): Generator<SuiteCase> {
    for (const folder of suite.list()) {
      if (suite.has(`${folder}/case.json`)) yield { id: folder, run: () => judge(suite, folder) };
    }
  },
};
