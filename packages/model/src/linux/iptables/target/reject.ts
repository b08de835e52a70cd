/** `-j REJECT`: net/ipv4/netfilter/ipt_REJECT.c, net/ipv6/netfilter/ip6t_REJECT.c. */
import { type Action, Protocol } from '@podwire/engine';
import { byName, type IpFamily, needProtocol, option, Refusal, type TargetExtension, word } from '../base/extension.ts';

/** Name and older spellings, first the default. */
const WITH: Record<IpFamily, readonly (readonly string[])[]> = {
  ip: [
    ['icmp-port-unreachable', 'port-unreach'],
    ['icmp-net-unreachable', 'net-unreach'],
    ['icmp-host-unreachable', 'host-unreach'],
    ['icmp-proto-unreachable', 'proto-unreach'],
    ['icmp-net-prohibited', 'net-prohib'],
    ['icmp-host-prohibited', 'host-prohib'],
    ['icmp-admin-prohibited', 'admin-prohib'],
    ['tcp-reset', 'tcp-rst'],
  ],
  ip6: [
    ['icmp6-port-unreachable', 'port-unreach'],
    ['icmp6-no-route', 'no-route'],
    ['icmp6-adm-prohibited', 'adm-prohibited'],
    ['icmp6-addr-unreachable', 'addr-unreach'],
    ['icmp6-policy-fail', 'policy-fail'],
    ['icmp6-reject-route', 'reject-route'],
    ['tcp-reset'],
  ],
};

function parser(family: IpFamily): TargetExtension {
  return {
    name: 'REJECT',
    family,
    options: [option('reject-with', 1)],
    parse(given, context) {
      const names = WITH[family];
      const asked = byName(given).get('reject-with');
      if (!asked) return { kind: 'reject', with: names[0]?.[0] ?? '' };
      const text = word(asked).toLowerCase();
      // A name may be cut short.
      const found = names.find((spellings) => text !== '' && spellings.some((s) => s.startsWith(text)));
      if (!found?.[0]) throw new Refusal(`unknown reject type "${word(asked)}"`);
      if (found[0] === 'tcp-reset') needProtocol(context, [Protocol.TCP], "REJECT: tcp-reset needs '-p tcp'");
      return { kind: 'reject', with: found[0] };
    },
  };
}

export const reject = [parser('ip'), parser('ip6')];

export function printReject(action: Extract<Action, { kind: 'reject' }>): string {
  return `-j REJECT --reject-with ${action.with}`;
}
