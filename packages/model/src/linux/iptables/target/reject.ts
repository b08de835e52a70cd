/** `-j REJECT`: net/ipv4/netfilter/ipt_REJECT.c, net/ipv6/netfilter/ip6t_REJECT.c. */
import { type Action, Protocol } from '@podwire/engine';
import { byName, type IpFamily, needProtocol, option, Refusal, type TargetExtension, word } from '../base/extension.ts';

/** Name and older spellings, in the kernel's order: the first that begins as written is meant. */
const WITH: Record<IpFamily, readonly (readonly string[])[]> = {
  ip: [
    ['icmp-net-unreachable', 'net-unreach'],
    ['icmp-host-unreachable', 'host-unreach'],
    ['icmp-proto-unreachable', 'proto-unreach'],
    ['icmp-port-unreachable', 'port-unreach'],
    ['icmp-net-prohibited', 'net-prohib'],
    ['icmp-host-prohibited', 'host-prohib'],
    ['tcp-reset', 'tcp-rst'],
    ['icmp-admin-prohibited', 'admin-prohib'],
  ],
  ip6: [
    ['icmp6-no-route', 'no-route'],
    ['icmp6-adm-prohibited', 'adm-prohibited'],
    ['icmp6-addr-unreachable', 'addr-unreach'],
    ['icmp6-port-unreachable', 'port-unreach'],
    ['tcp-reset'],
    ['icmp6-policy-fail', 'policy-fail'],
    ['icmp6-reject-route', 'reject-route'],
  ],
};

const DEFAULT: Record<IpFamily, string> = { ip: 'icmp-port-unreachable', ip6: 'icmp6-port-unreachable' };

function parser(family: IpFamily): TargetExtension {
  return {
    name: 'REJECT',
    family,
    tables: ['filter'],
    chains: ['INPUT', 'FORWARD', 'OUTPUT'],
    options: [option('reject-with', 1)],
    parse(given, context) {
      const names = WITH[family];
      const asked = byName(given).get('reject-with');
      if (!asked) return { kind: 'reject', with: DEFAULT[family] };
      const text = word(asked).toLowerCase();
      const found = names.find((spellings) => spellings.some((s) => s.startsWith(text)));
      if (!found?.[0]) throw new Refusal(`unknown reject type "${word(asked)}"`);
      if (found[0] === 'tcp-reset') needProtocol(context, [Protocol.TCP], 'REJECT: TCP_RESET invalid for non-tcp');
      return { kind: 'reject', with: found[0] };
    },
  };
}

export const reject = [parser('ip'), parser('ip6')];

export function printReject(action: Extract<Action, { kind: 'reject' }>): string {
  return `-j REJECT --reject-with ${action.with}`;
}
