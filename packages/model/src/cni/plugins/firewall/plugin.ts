/** firewall: what pods may forward, and whom other bridges may reach (containernetworking/plugins, plugins/meta/firewall). */
import type { LiveIptables } from '../../../linux/index.ts';
import { type Call, CniError, type Plugin, Unmodelled } from '../../runtime/call.ts';
import { text } from '../../runtime/conf.ts';
import { familyOf, fullLength, hostOf } from '../../shared/address.ts';
import { ensureChain, putOnce, ruleStands } from '../../shared/iptables.ts';

const FORWARD = 'CNI-FORWARD';
const STAGES = ['CNI-ISOLATION-STAGE-1', 'CNI-ISOLATION-STAGE-2'] as const;

const comment = (words: string) => ['-m', 'comment', '--comment', words];

/** What each address of the pod may do. */
const rulesOf = (address: string): string[][] => [
  ['-d', address, '-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED', '-j', 'ACCEPT'],
  ['-s', address, '-j', 'ACCEPT'],
];

function podRules({ prevResult }: Call, family: 4 | 6): string[][] {
  const own = (prevResult?.ips ?? []).filter(({ address }) => familyOf(address) === family);
  return own.flatMap(({ address }) => rulesOf(fullLength(hostOf(address))));
}

const adminChain = ({ conf }: Call) => text(conf, 'iptablesAdminChainName') || 'CNI-ADMIN';
const toForward = [...comment('CNI firewall plugin rules'), '-j', FORWARD];
const toAdmin = (chain: string) => [...comment('CNI firewall plugin admin overrides'), '-j', chain];

const toolsOf = ({ host: { own } }: Call) => [
  { family: 4 as const, tool: own.iptables.ip },
  { family: 6 as const, tool: own.iptables.ip6 },
];

/** Where the pod has addresses: the tool with the plugin's chains in it, and the rules of those addresses. */
function inChains(call: Call, visit: (tool: LiveIptables, rules: readonly string[][]) => void): void {
  for (const { family, tool } of toolsOf(call)) {
    const rules = podRules(call, family);
    if (rules.length === 0) continue;
    for (const chain of [FORWARD, adminChain(call)]) ensureChain(tool, 'filter', chain);
    visit(tool, rules);
  }
}

function addRules(call: Call): void {
  inChains(call, (tool, rules) => {
    putOnce(tool, 'filter', 'FORWARD', toForward, 'first');
    putOnce(tool, 'filter', FORWARD, toAdmin(adminChain(call)), 'first');
    for (const rule of rules) putOnce(tool, 'filter', FORWARD, rule);
  });
}

/** Between bridges (ingressPolicy `same-bridge`), and between ports of one (`isolated`). */
function isolate(tool: LiveIptables, bridge: string, isolated: boolean): void {
  const [first, second] = STAGES;
  const both = comment('CNI firewall plugin rules (ingressPolicy: same-bridge|isolated)');
  const own = comment(`CNI firewall plugin rules (ingressPolicy: ${isolated ? 'isolated' : 'same-bridge'})`);
  for (const chain of STAGES) ensureChain(tool, 'filter', chain);
  putOnce(tool, 'filter', 'FORWARD', ['-j', first, ...both], 'first');
  putOnce(tool, 'filter', first, ['-i', bridge, '!', '-o', bridge, '-j', second, ...own], 'first');
  if (isolated) putOnce(tool, 'filter', first, ['-i', bridge, '-o', bridge, '-j', 'DROP', ...own], 'first');
  putOnce(tool, 'filter', first, ['-j', 'RETURN', ...both]);
  putOnce(tool, 'filter', second, ['-o', bridge, '-j', 'DROP', ...both], 'first');
  putOnce(tool, 'filter', second, ['-j', 'RETURN', ...both]);
}

/** `open` where none is said. */
function ingressPolicy({ conf }: Call): 'open' | 'same-bridge' | 'isolated' {
  const policy = text(conf, 'ingressPolicy') || 'open';
  if (policy === 'open' || policy === 'same-bridge' || policy === 'isolated') return policy;
  throw new CniError(`unknown ingress policy: "${policy}"`);
}

function setUpIngress(call: Call): void {
  const policy = ingressPolicy(call);
  if (policy === 'open') return;
  const bridge = call.prevResult?.interfaces[0];
  if (!bridge)
    throw new CniError(
      `interface needs to be set for ingress policy "${policy}", make sure to chain "firewall" plugin with "bridge"`,
    );
  if (bridge.name === '') throw new CniError('got empty bridge name');
  for (const { address } of call.prevResult?.ips ?? [])
    isolate(call.host.own.iptables[familyOf(address) === 4 ? 'ip' : 'ip6'], bridge.name, policy === 'isolated');
}

/** Go prints a list of words with blanks between. */
const shown = (rule: readonly string[]) => `[${rule.join(' ')}]`;

function checkRules(call: Call): void {
  const admin = toAdmin(adminChain(call));
  inChains(call, (tool, rules) => {
    if (!ruleStands(tool, 'filter', 'FORWARD', toForward))
      throw new CniError(`expected FORWARD rule ${shown(toForward)} not found`);
    if (!ruleStands(tool, 'filter', FORWARD, admin))
      throw new CniError(`expected ${FORWARD} rule ${shown(admin)} not found`);
    const missing = rules.find((rule) => !ruleStands(tool, 'filter', FORWARD, rule));
    if (missing) throw new CniError(`expected rule ${shown(missing)} not found`);
  });
}

/** firewalld is asked over D-Bus, which nobody here can. */
function checkBackend({ conf }: Call): void {
  if (text(conf, 'backend') === 'firewalld') throw new Unmodelled('the firewall plugin by firewalld is not modelled');
}

export const firewall: Plugin = {
  add(call) {
    if (!call.prevResult) throw new CniError('missing prevResult from earlier plugin');
    checkBackend(call);
    addRules(call);
    setUpIngress(call);
    return call.prevResult;
  },

  check(call) {
    if (!call.prevResult) throw new CniError('missing prevResult from earlier plugin');
    checkBackend(call);
    checkRules(call);
  },

  del(call) {
    checkBackend(call);
    for (const { family, tool } of toolsOf(call))
      for (const rule of podRules(call, family)) tool.try(['-D', FORWARD, ...rule]);
    ingressPolicy(call);
  },
};
