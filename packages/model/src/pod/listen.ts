/** Addresses that a container's own command line tells it to listen on: `--listen=127.0.0.1:8080`, `--host 0.0.0.0 --port 80`. */

import { parseFlags } from '../cluster/detect/programs.ts';
import { canonical } from '../net/cidr.ts';
import type { Container } from '../objects/kube.ts';

export interface ListenFlag {
  /** Canonical; `*` for all. */
  address: string;
  /** Absent where no flag says which. */
  port?: number;
  /** `--listen=127.0.0.1:8080` */
  text: string;
}

/** Ends of the names of flags that take an address to listen on. */
const ADDRESS_FLAG =
  /(?:^|[-._])(?:listen|bind|addr|address|host|listen-?address|bind-?addr(?:ess)?|listen-?on|endpoint-listen)$/i;
const SHORT = new Set(['b', 'H', 'l']);
const PORT_FLAG = /(?:^|[-._])(?:port|listen-?port|http-?port)$/i;
/** Such flags name somebody else's address. */
const REMOTE =
  /advertise|remote|upstream|target|server-addr|db|redis|proxy|external|peer|join|connect|backend|api-?server|master/i;

function hostOf(text: string): string | undefined {
  const host = text.replace(/^\[(.*)\]$/, '$1');
  if (host === '' || host === '*' || host === '0.0.0.0' || host === '::') return '*';
  if (host === 'localhost') return '127.0.0.1';
  return canonical(host);
}

function parseEndpoint(value: string): { address: string; port?: number } | undefined {
  const plain = value.replace(/^(?:tcp|http|https|udp):\/\//, '').replace(/\/.*$/, '');
  const [, host, digits] = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(plain) ?? [];
  const address = hostOf(host ?? plain);
  if (address === undefined) return undefined;
  const port = digits === undefined ? undefined : Number(digits);
  return { address, ...(port !== undefined && { port }) };
}

/** As far as flags tell; programs without any have defaults that nobody here knows. */
export function listenFlags({ command = [], args = [], ports = [] }: Container): ListenFlag[] {
  const flags = parseFlags([...command, ...args].flatMap((word) => word.split(/\s+/)));
  const numbers = [...flags].filter(([name, value]) => PORT_FLAG.test(name) && /^\d+$/.test(value));
  const only =
    numbers.length === 1 ? Number(numbers[0]?.[1]) : ports.length === 1 ? ports[0]?.containerPort : undefined;
  return [...flags].flatMap(([name, value]): ListenFlag[] => {
    if (!(ADDRESS_FLAG.test(name) || SHORT.has(name)) || REMOTE.test(name) || value === 'true') return [];
    const endpoint = parseEndpoint(value);
    if (!endpoint) return [];
    const port = endpoint.port ?? only;
    const dashes = name.length === 1 ? '-' : '--';
    return [{ address: endpoint.address, text: `${dashes}${name}=${value}`, ...(port !== undefined && { port }) }];
  });
}

export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}
