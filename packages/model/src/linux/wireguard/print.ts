/** WireGuard as `wg` prints it, without keys that are secret: the inverse of `read.ts`. */
import type { Link, WireguardPeer } from '@podwire/engine';

const tunnelsOf = (links: readonly Link[]) =>
  links.flatMap(({ name, kind, tunnel = {} }) => (kind === 'wireguard' ? [{ name, tunnel }] : []));

const hex = (mark: number) => `0x${mark.toString(16)}`;

function endpointText({ endpoint }: WireguardPeer): string | undefined {
  if (!endpoint) return undefined;
  const { address, port } = endpoint;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

const line = (name: string, value: string | number | undefined) => (value === undefined ? '' : `  ${name}: ${value}\n`);

/** `wg show`. */
export function printWireguard(links: readonly Link[]): string {
  const interfaces = tunnelsOf(links).map(({ name, tunnel: { publicKey, port, fwmark, peers = [] } }) => {
    const head =
      `interface: ${name}\n${line('public key', publicKey)}${line('listening port', port)}` +
      line('fwmark', fwmark && hex(fwmark));
    const all = peers.map(
      (peer) =>
        `\npeer: ${peer.publicKey ?? '(none)'}\n${line('endpoint', endpointText(peer))}` +
        line('allowed ips', peer.allowedIps.length > 0 ? peer.allowedIps.join(', ') : '(none)'),
    );
    return head + all.join('');
  });
  return interfaces.join('\n');
}

/** `wg show all dump`. */
export function printWireguardDump(links: readonly Link[]): string {
  const rows = tunnelsOf(links).flatMap(({ name, tunnel: { publicKey, port, fwmark, peers = [] } }) => [
    [name, '(none)', publicKey ?? '(none)', port ?? 0, fwmark ? hex(fwmark) : 'off'],
    ...peers.map((peer) => [
      name,
      peer.publicKey ?? '(none)',
      '(none)',
      endpointText(peer) ?? '(none)',
      peer.allowedIps.join(',') || '(none)',
      0,
      0,
      0,
      'off',
    ]),
  ]);
  return rows.map((row) => `${row.join('\t')}\n`).join('');
}

/** `wg showconf`; the link's own key, which makes the public one, is left out. */
export function printWireguardConf({ tunnel = {} }: Link): string {
  const set = (name: string, value: string | number | undefined) => (value === undefined ? '' : `${name} = ${value}\n`);
  const { port, fwmark, peers = [] } = tunnel;
  const head = `[Interface]\n${set('ListenPort', port)}${set('FwMark', fwmark && hex(fwmark))}`;
  const all = peers.map(
    (peer) =>
      `\n[Peer]\n${set('PublicKey', peer.publicKey)}` +
      `${set('AllowedIPs', peer.allowedIps.length > 0 ? peer.allowedIps.join(', ') : undefined)}` +
      set('Endpoint', endpointText(peer)),
  );
  return head + all.join('');
}
