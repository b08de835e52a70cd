/** Connections that are there from the start, in the words of `conntrack`: of TCP and UDP. */
import { type ConntrackEntry, type Netns, Protocol } from '@podwire/engine';

const withPort = (address: string, port: number) =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

/** The reply is told as if nothing were translated: the kernel translates it. */
function words({
  protocol,
  original,
  reply,
  tcpState,
  timeout = 100,
  seenReply,
  assured,
  snat,
  dnat,
  mark,
  zone,
}: ConntrackEntry): string[] {
  const { saddr, daddr, sport, dport } = original;
  const status = [...(seenReply ? ['SEEN_REPLY'] : []), ...(assured ? ['ASSURED'] : [])];
  return [
    ...['-I', '-p', protocol === Protocol.TCP ? 'tcp' : 'udp', '-t', `${timeout}`],
    ...['-s', saddr, '-d', daddr, '--sport', `${sport}`, '--dport', `${dport}`],
    ...['-r', daddr, '-q', saddr, '--reply-port-src', `${dport}`, '--reply-port-dst', `${sport}`],
    ...(tcpState === undefined ? [] : ['--state', tcpState]),
    ...(status.length > 0 ? ['-u', status.join(',')] : []),
    ...(dnat ? ['--dst-nat', withPort(reply.saddr, reply.sport)] : []),
    ...(snat ? ['--src-nat', withPort(reply.daddr, reply.dport)] : []),
    ...(zone === 0 ? [] : ['-w', `${zone}`]),
    ...(mark === 0 ? [] : ['-m', `${mark}`]),
  ];
}

export const conntrackPrograms = (netns: Pick<Netns, 'name' | 'conntrack'>): { netns: string; argv: string[] }[] =>
  (netns.conntrack ?? []).map((entry) => ({ netns: netns.name, argv: ['conntrack', ...words(entry)] }));

/** Makes the kernel forget one connection, by its addresses and ports before translation. */
export function forgetProgram(
  netns: string,
  { protocol, original }: ConntrackEntry,
): { netns: string; argv: string[] } {
  const { saddr, daddr, sport, dport } = original;
  const ports = ['--sport', `${sport}`, '--dport', `${dport}`];
  const name = protocol === Protocol.TCP ? 'tcp' : 'udp';
  return { netns, argv: ['conntrack', '-D', '-p', name, '-s', saddr, '-d', daddr, ...ports] };
}
