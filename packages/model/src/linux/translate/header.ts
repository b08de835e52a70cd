/** Tests that need no `-m`, as nftables writes them. */
import type { HeaderMatch } from '../iptables/header.ts';
import { compare, type Header, quoted } from './part.ts';

/** `+` at the end stands for any rest, which nftables writes `*`; a `*` of iptables is a plain letter. */
export function interfaceTest(key: string, name: string, not?: boolean): string {
  // No interface has this name: `! -i +` matches nothing.
  if (name === '+') return not ? `${key} "INVAL/D"` : '';
  const any = name.endsWith('+');
  const text = any ? `${name.slice(0, -1)}*` : name.replace(/\*$/, '\\*');
  return compare(key, quoted(text), not);
}

export function addressTest(left: string, prefix: string, not?: boolean): string {
  const [address = '', mask = ''] = prefix.split('/');
  if (!/[.:]/.test(mask)) return compare(left, prefix, not);
  return `${left} & ${mask} ${not ? '!=' : '=='} ${address}`;
}

export function headerTest(match: HeaderMatch, header: Header): string {
  switch (match.kind) {
    case 'iif':
      return interfaceTest('iifname', match.name, match.not);
    case 'oif':
      return interfaceTest('oifname', match.name, match.not);
    case 'saddr':
    case 'daddr':
      return addressTest(`${header} ${match.kind}`, match.prefix, match.not);
    case 'protocol':
      return compare(header === 'ip' ? 'ip protocol' : 'meta l4proto', String(match.protocol), match.not);
    case 'fragment':
      return `ip frag-off & 0x1fff ${match.not ? '==' : '!='} 0`;
  }
}
