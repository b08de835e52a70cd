/** Writing to /proc/sys, with what else the kernel then changes. */
import type { Netns } from '@podwire/engine';

/** `net/ipv4/conf/eth0.5/rp_filter` as `sysctl` names it: dots of interface names become slashes. */
export function sysctlName(path: string): string {
  return path.replace(/[./]/g, (mark) => (mark === '/' ? '.' : '/'));
}

/**
 * `ip_forward` is `conf.all.forwarding`; writing it writes every device and `default`, and turns redirects around
 * (net/ipv4/devinet.c:inet_forward_change, net/ipv6/addrconf.c:addrconf_fixup_forwarding).
 */
function alsoWritten(netns: Netns, path: string, value: string | number): [string, string | number][] {
  const links = ['default', 'lo', ...netns.links.map(({ name }) => name).filter((name) => name !== 'lo')];
  const all = /^net\/ipv([46])\/(?:ip_forward|conf\/all\/forwarding)$/.exec(path);
  if (all) {
    const family = all[1];
    const each = links.map((link): [string, string | number] => [`net/ipv${family}/conf/${link}/forwarding`, value]);
    if (family === '6') return each;
    return [
      ['net/ipv4/ip_forward', value],
      ['net/ipv4/conf/all/forwarding', value],
      ['net/ipv4/conf/all/accept_redirects', Number(value) === 0 ? 1 : 0],
      ...each,
    ];
  }
  // dev_disable_change
  if (path === 'net/ipv6/conf/all/disable_ipv6')
    return links.map((link) => [`net/ipv6/conf/${link}/disable_ipv6`, value]);
  return [];
}

const shown = (value: string | number): string | number => {
  const number = Number(value);
  return String(value).trim() !== '' && Number.isFinite(number) ? number : String(value);
};

/** Changes the namespace in place. */
export function setSysctl(netns: Netns, path: string, value: string | number): void {
  const written = [[path, value] as const, ...alsoWritten(netns, path, value)];
  netns.sysctls = {
    ...netns.sysctls,
    ...Object.fromEntries(written.map(([one, its]) => [sysctlName(one), shown(its)])),
  };
}
