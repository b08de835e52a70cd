/** Hooks at which the kernel takes a statement or expression (the `validate` of each nft_* module). Chains that are only jumped to are not checked. */
import { NftRefusal } from '../base/refusal.ts';
import type { NftExpression, NftStatement } from '../syntax.ts';
import type { TableScope } from './scope.ts';

type Hooks = readonly string[];

/** Families whose expressions ask where they are. */
const INTERNET: ReadonlySet<string> = new Set(['ip', 'ip6', 'inet']);

const INPUT_SIDE: Hooks = ['prerouting', 'input', 'forward'];
const OUTPUT_SIDE: Hooks = ['forward', 'output', 'postrouting'];

/** Hooks of translations, which also need a chain of type nat. */
const NAT: Readonly<Record<string, Hooks>> = {
  snat: ['postrouting', 'input'],
  masquerade: ['postrouting'],
  dnat: ['prerouting', 'output'],
  redirect: ['prerouting', 'output'],
};

const STATEMENTS: Readonly<Record<string, Hooks>> = {
  tproxy: ['prerouting'],
  synproxy: ['input', 'forward'],
  flow: ['forward'],
};

function rejectHooks(family: string): Hooks {
  if (family === 'bridge') return ['prerouting', 'input'];
  if (family === 'netdev') return ['ingress'];
  return ['prerouting', 'input', 'forward', 'output', ...(family === 'inet' ? ['ingress'] : [])];
}

/** Undefined: everywhere. */
function expressionHooks(node: NftExpression): Hooks | undefined {
  if (typeof node !== 'object' || Array.isArray(node)) return undefined;
  if ('fib' in node) {
    if (node.fib.result !== 'type') return INPUT_SIDE;
    if (node.fib.flags.includes('iif')) return INPUT_SIDE;
    return node.fib.flags.includes('oif') ? OUTPUT_SIDE : undefined;
  }
  if ('socket' in node) return ['prerouting', 'input', 'output'];
  if ('osf' in node) return INPUT_SIDE;
  if ('ipsec' in node) return node.ipsec.dir === 'in' ? INPUT_SIDE : OUTPUT_SIDE;
  if ('rt' in node && node.rt.key === 'mtu') return OUTPUT_SIDE;
  return undefined;
}

function refuse(what: string, hook: string): never {
  throw new NftRefusal(`Could not process rule: Operation not supported: ${what} at hook ${hook}`);
}

/** Looks into a statement, without recursion: rules may be nested as deep as their text. */
function checkInside(statement: NftStatement, hook: string): void {
  const waiting: unknown[] = [statement];
  while (waiting.length > 0) {
    const node = waiting.pop();
    if (typeof node !== 'object' || node === null) continue;
    const hooks = expressionHooks(node as NftExpression);
    if (hooks && !hooks.includes(hook)) refuse(Object.keys(node)[0] ?? '', hook);
    for (const inner of Object.values(node)) waiting.push(inner);
  }
}

/** Objects that are named are not asked where they hang (nft_objref). */
function named(statement: NftStatement): boolean {
  if (!('synproxy' in statement)) return false;
  const { synproxy } = statement;
  return typeof synproxy === 'string' || (synproxy !== null && 'map' in synproxy);
}

/** Connections are not tracked where these families look. */
function refuseTracking(expr: readonly NftStatement[]): void {
  const waiting: unknown[] = [...expr];
  while (waiting.length > 0) {
    const node = waiting.pop();
    if (typeof node !== 'object' || node === null) continue;
    if ('ct' in node || 'ct count' in node) throw new NftRefusal('Could not process rule: Protocol error');
    for (const inner of Object.values(node)) waiting.push(inner);
  }
}

const NETWORK: Hooks = ['prerouting', 'input', 'forward', 'output', 'postrouting'];

const FAMILY_HOOKS: Readonly<Record<string, Hooks>> = {
  ip: NETWORK,
  ip6: NETWORK,
  inet: [...NETWORK, 'ingress'],
  bridge: NETWORK,
  arp: ['input', 'output'],
  netdev: ['ingress', 'egress'],
};

const TYPE_HOOKS: Readonly<Record<string, Hooks>> = {
  nat: ['prerouting', 'input', 'output', 'postrouting'],
  route: ['output'],
};

/** Throws where a chain of this type cannot hang there. */
export function checkBase({ family, type, hook }: { family: string; type?: string; hook?: string }): void {
  if (hook === undefined) return;
  if (!FAMILY_HOOKS[family]?.includes(hook)) throw new NftRefusal(`unknown chain hook ${hook} in family ${family}`);
  if (type === undefined || type === 'filter') return;
  if (!TYPE_HOOKS[type]?.includes(hook) || !INTERNET.has(family))
    throw new NftRefusal(`Could not process rule: Operation not supported: chain type ${type} at hook ${hook}`);
}

/** Throws `NftRefusal` for the first statement that cannot stand in the chain. */
export function checkHooks(expr: readonly NftStatement[], scope: TableScope): void {
  const { hook, type } = scope.chain ?? {};
  if (scope.family === 'arp' || scope.family === 'netdev') refuseTracking(expr);
  if (hook === undefined) return;
  for (const statement of expr) {
    const name = Object.keys(statement)[0] ?? '';
    const translation = NAT[name];
    if (translation && (!translation.includes(hook) || (type !== undefined && type !== 'nat'))) refuse(name, hook);
    const hooks = name === 'reject' ? rejectHooks(scope.family) : named(statement) ? undefined : STATEMENTS[name];
    if (hooks && !hooks.includes(hook)) refuse(name, hook);
    if (INTERNET.has(scope.family)) checkInside(statement, hook);
  }
}
