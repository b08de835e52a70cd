/**
 * `wg show`, `wg show all dump`, `wg showconf` and the files of wg-quick (wireguard-tools: show.c, showconf.c, config.c). Private and
 * preshared keys are passed over where they stand: nothing that is returned holds one, and no problem quotes a line.
 */
import { parseAddress, parsePrefix, type Tunnel, type WireguardPeer } from '@podwire/engine';
import type { Problem } from '../../problem.ts';
import { LINE_MAX, type Line, type LineOptions, linesOf } from '../lines.ts';
import { KEY } from '../secrets.ts';

export interface WireguardLink {
  name: string;
  tunnel: Pick<Tunnel, 'port' | 'fwmark' | 'publicKey'> & { peers: WireguardPeer[] };
}

export interface ReadWireguard {
  links: WireguardLink[];
  problems: Problem[];
}

const LAST_PORT = 65535;
const NONE = new Set(['(none)', 'off', '']);

/** Throws RangeError. */
function publicKey(text: string | undefined): { publicKey?: string } {
  if (text === undefined || NONE.has(text)) return {};
  if (!KEY.test(text)) throw new RangeError('a public key is no key');
  return { publicKey: text };
}

/** `192.0.2.1:51820`, `[2001:db8::1%eth0]:51820`; throws RangeError. */
function endpointOf(text: string | undefined): Pick<WireguardPeer, 'endpoint'> {
  if (text === undefined || NONE.has(text)) return {};
  const m = /^(?:\[([0-9a-f:.]+)(?:%[^\]]*)?\]|([^[\]:]+)):(\d+)$/i.exec(text);
  const address = m?.[1] ?? m?.[2];
  if (address === undefined) throw new RangeError('an endpoint is no address with a port');
  // A name is resolved when the peer is set up, and shown as an address by the other listings.
  if (!parseAddress(address)) throw new RangeError('an endpoint is no address');
  return { endpoint: { address, port: numberOf(m?.[3]) } };
}

/** Throws RangeError. */
function allowedIps(text: string | undefined): string[] {
  const words = (text ?? '').split(/[\s,]+/).filter((prefix) => !NONE.has(prefix));
  return words.map((word) => {
    const prefix = word.includes('/') ? word : `${word}/${word.includes(':') ? 128 : 32}`;
    if (!parsePrefix(prefix)) throw new RangeError('an allowed prefix is no prefix');
    return prefix;
  });
}

/** Throws RangeError; it never says what stood there, which may be a key in a wrong place. */
function numberOf(text: string | undefined): number {
  const port = text !== undefined && /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= LAST_PORT)) throw new RangeError('a port is no number');
  return port;
}

/** Throws RangeError. */
function markOf(text: string | undefined): { fwmark?: number } {
  if (text === undefined || NONE.has(text)) return {};
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(text)) throw new RangeError('a mark is no number');
  const fwmark = Number(text);
  return fwmark === 0 ? {} : { fwmark };
}

function portOf(text: string | undefined): { port?: number } {
  const port = numberOf(text);
  return port === 0 ? {} : { port };
}

class Reader {
  readonly links: WireguardLink[] = [];
  readonly problems: Problem[] = [];
  #link: WireguardLink | undefined;
  #peer: WireguardPeer | undefined;
  readonly #name: string | undefined;

  constructor(name: string | undefined) {
    this.#name = name;
  }

  begin(name: string | undefined): WireguardLink['tunnel'] {
    if (name === undefined) throw new RangeError('no interface is named');
    this.#link = { name, tunnel: { peers: [] } };
    this.#peer = undefined;
    this.links.push(this.#link);
    return this.#link.tunnel;
  }

  addPeer(peer: WireguardPeer): void {
    if (!this.#link) throw new RangeError('a peer of no interface');
    this.#peer = peer;
    this.#link.tunnel.peers.push(peer);
  }

  get #tunnel(): WireguardLink['tunnel'] {
    if (!this.#link) throw new RangeError('no interface');
    return this.#link.tunnel;
  }

  get #current(): WireguardPeer {
    if (!this.#peer) throw new RangeError('no peer');
    return this.#peer;
  }

  /** `wg show all dump`: five columns for an interface, nine for a peer; `wg show wg0 dump` has no first one. */
  dumpLine(text: string): void {
    const columns = text.split('\t');
    const named = columns.length === 5 || columns.length === 9;
    const [name, ...rest] = named ? columns : [this.#name, ...columns];
    if (rest.length === 4) {
      const [, key, port, mark] = rest;
      Object.assign(this.begin(name), { ...publicKey(key), ...portOf(port), ...markOf(mark) });
    } else if (rest.length === 8) {
      if (name !== this.#link?.name) throw new RangeError('a peer of no interface');
      const [key, , endpoint, prefixes] = rest;
      this.addPeer({ ...publicKey(key), ...endpointOf(endpoint), allowedIps: allowedIps(prefixes) });
    } else throw new RangeError(`it has ${columns.length} columns`);
  }

  /** `  listening port: 51820`, `ListenPort = 51820`. */
  setting(name: string, value: string): void {
    switch (name.toLowerCase().replace(/[\s_-]/g, '')) {
      case 'publickey':
        Object.assign(this.#peer ?? this.#tunnel, publicKey(value));
        break;
      case 'listeningport':
      case 'listenport':
        Object.assign(this.#tunnel, portOf(value));
        break;
      case 'fwmark':
        Object.assign(this.#tunnel, markOf(value));
        break;
      case 'endpoint':
        Object.assign(this.#current, endpointOf(value));
        break;
      case 'allowedips':
        this.#current.allowedIps.push(...allowedIps(value));
        break;
      default:
        if (!PASSED.test(name.trim())) throw new RangeError('nothing that is known of WireGuard');
    }
  }

  line(text: string): void {
    const section = /^\[(\w+)\]$/.exec(text.trim())?.[1]?.toLowerCase();
    const shown = /^(interface|peer):\s*(\S+)$/.exec(text);
    if (text.includes('\t') && !/^\s/.test(text)) this.dumpLine(text);
    else if (section === 'interface') this.begin(this.#name);
    else if (section === 'peer') this.addPeer({ allowedIps: [] });
    else if (shown?.[1] === 'interface') this.begin(shown[2]);
    else if (shown) this.addPeer({ ...publicKey(shown[2]), allowedIps: [] });
    else {
      const setting = /^\s*([A-Za-z][A-Za-z ]*?)\s*[:=]\s*(.*)$/.exec(text);
      if (!setting) throw new RangeError('nothing that is known of WireGuard');
      this.setting(setting[1] ?? '', setting[2] ?? '');
    }
  }
}

/** Keys that nobody is to know, counters, and what wg-quick does besides. */
const PASSED =
  /^(private ?key|preshared ?key|latest handshake|transfer|persistent ?keepalive|Address|DNS|MTU|Table|(Pre|Post)(Up|Down)|SaveConfig)$/i;

const isNote = ({ text }: Line) => /^\s*[#;]/.test(text);

/** `link`: the interface, where the text does not name it (`wg showconf wg0`, `wg show wg0 dump`, `wg0.conf`). */
export function readWireguard(text: string, options: LineOptions & { link?: string } = {}): ReadWireguard {
  const reader = new Reader(options.link);
  for (const line of linesOf(text, options).filter((one) => !isNote(one))) {
    try {
      if (line.text.length > LINE_MAX) throw new RangeError(`it has ${line.text.length} characters`);
      reader.line(line.text);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      reader.problems.push({
        severity: 'error',
        code: 'wireguard',
        message: `line not understood: ${error.message}`,
        line: line.number,
        ...(options.file !== undefined && { file: options.file }),
      });
    }
  }
  return { links: reader.links, problems: reader.problems };
}
