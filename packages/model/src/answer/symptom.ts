/** What a program at the source sees, in the words of curl and ping, so that people recognise their case. */
import type { Conversation, Errno } from '@podwire/engine';

/** As strerror(3) says it. */
const WORDS: Readonly<Record<Errno, string>> = {
  EACCES: 'permission denied',
  EADDRNOTAVAIL: 'cannot assign requested address',
  ECONNREFUSED: 'connection refused',
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
  /** An echo request: ping has words of its own. */
  ping: boolean;
}

/** Undefined for what works. */
export function symptomOf({ conversation: { outcome, error }, endedOutside, ping }: Seen): string | undefined {
  if (outcome === 'reply') return undefined;
  if (endedOutside || error === undefined) return ping ? 'no answer' : 'time-out';
  return ping ? 'destination unreachable' : WORDS[error];
}
