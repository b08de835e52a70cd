/** What a program at the source sees, in the words of curl and ping, so that people recognise their case. */
import type { Conversation, Errno } from '@podwire/engine';

/** As strerror(3) says it. */
const WORDS: Readonly<Record<Errno, string>> = {
  EACCES: 'permission denied',
  EADDRNOTAVAIL: 'cannot assign requested address',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset by peer',
  EHOSTDOWN: 'host is down',
  EHOSTUNREACH: 'no route to host',
  EINVAL: 'invalid argument',
  EMSGSIZE: 'message too long',
  ENETUNREACH: 'network is unreachable',
  ENONET: 'machine is not on the network',
  ENOPROTOOPT: 'protocol not available',
  EOPNOTSUPP: 'operation not supported',
  EPERM: 'operation not permitted',
  EPROTO: 'protocol error',
};

export interface Seen {
  conversation: Pick<Conversation, 'outcome' | 'error'>;
  /** It ended at the router or in the world outside, podwire's stand-ins: real ones mostly keep silent. */
  endedOutside: boolean;
  /** TCP had the connection already: it sends again for long before it gives up. */
  goesOn?: boolean;
  /** An echo request: ping has words of its own. */
  ping: boolean;
}

/** Undefined for what works. */
export function symptomOf({ conversation, endedOutside, goesOn, ping }: Seen): string | undefined {
  const { outcome, error } = conversation;
  if (outcome === 'reply') return undefined;
  // An ICMP error does not end an open connection (tcp_v4_err()); what it says is told in the end (tcp_write_err()).
  if (goesOn && error !== 'ECONNRESET') {
    const last = endedOutside || error === undefined ? 'connection timed out' : WORDS[error];
    return `no answer for about 15 minutes (net.ipv4.tcp_retries2), then ${last}`;
  }
  if (endedOutside || error === undefined) return ping ? 'no answer' : 'time-out';
  return ping ? 'destination unreachable' : WORDS[error];
}
