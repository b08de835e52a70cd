/** Short forms for networks of stacked links and tunnels. */
import type { Address, FdbEntry, Link, LinkName, Netns, Route } from '@podwire/engine';

/** `10.0.0.0/24 eth0`, `default eth0 via 10.0.0.1`. */
function routeOf(text: string): Route {
  const [to = '', dev = '', , via] = text.split(' ');
  const family = to.includes(':') || via?.includes(':') ? 6 : 4;
  return {
    family,
    type: 'unicast',
    destination: to === 'default' ? (family === 4 ? '0.0.0.0/0' : '::/0') : to,
    nexthops: [{ dev, ...(via !== undefined && { via }) }],
  };
}

export interface Brief {
  links: Link[];
  /** `eth0 10.0.0.1/24`; its connected route is made. */
  addresses: string[];
  routes?: string[];
  fdb?: FdbEntry[];
  sysctls?: Record<string, number | string>;
  rest?: Partial<Netns>;
}

/** Every link has a link-layer address of its own, so that the kernel's are the machine's. */
let made = 0;
const mac = () => {
  const octets = (++made).toString(16).padStart(4, '0');
  return `02:aa:00:00:${octets.slice(0, 2)}:${octets.slice(2)}`;
};

export function host(name: string, { links, addresses, routes = [], fdb, sysctls = {}, rest = {} }: Brief): Netns {
  const parsed: Address[] = addresses.map((text) => {
    const [link = '', address = ''] = text.split(' ');
    return { link, address };
  });
  const connected = parsed.flatMap(({ link, address }): Route[] => {
    const [ip = '', length] = address.split('/');
    if (length === '32' || length === '128' || links.some(({ name: n, up }) => n === link && up === false)) return [];
    const v6 = ip.includes(':');
    const own = v6 ? { metric: 256 } : { prefsrc: ip };
    const network = v6 ? address.replace(/::[0-9a-f]+\//, '::/') : address.replace(/\.\d+\/24$/, '.0/24');
    return [{ family: v6 ? 6 : 4, type: 'unicast', destination: network, nexthops: [{ dev: link }], ...own }];
  });
  return {
    name,
    links: links.map((link) => (link.kind === 'tun' ? link : { mac: mac(), ...link })),
    addresses: parsed,
    tables: [{ id: 254, routes: [...connected, ...routes.map(routeOf)] }],
    sysctls,
    netfilter: [],
    ...(fdb && { fdb }),
    ...rest,
  };
}

export const plugged = (name: string, segment: string, more: Partial<Link> = {}): Link => ({
  name,
  kind: 'device',
  segment,
  ...more,
});

/** The two ends of a wire. */
export const wire = (a: LinkName, b: LinkName, more: Partial<Link> = {}): [Link, Link] => [
  { name: a.link, kind: 'veth', peer: b, ...more },
  { name: b.link, kind: 'veth', peer: a, ...more },
];

export const ANY_MAC = '00:00:00:00:00:00';
