/** Whether what the kernel did is what `podwire compare` says of one mode. */
import type { ComparedFlow } from '@podwire/model';
import type { AttemptResult } from '../lab/lab.ts';

export type Side = ComparedFlow['sides'][number];

/** strerror(3), the same words as the answer has. */
const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EADDRNOTAVAIL: 'cannot assign requested address',
  ECONNREFUSED: 'connection refused',
  EHOSTUNREACH: 'no route to host',
  EINVAL: 'invalid argument',
  EMSGSIZE: 'message too long',
  ENETUNREACH: 'network is unreachable',
  ENOPROTOOPT: 'protocol not available',
  EPERM: 'operation not permitted',
  EPROTO: 'protocol error',
};

/** What the client's program would say; undefined for what works. */
function symptomIn({ reply, error }: AttemptResult, isPing: boolean): string | undefined {
  if (reply) return undefined;
  if (error === undefined) return isPing ? 'no answer' : 'time-out';
  return isPing ? 'destination unreachable' : (WORDS[error] ?? error);
}

const isSilence = (symptom: string | undefined) => symptom === 'time-out' || symptom === 'no answer';

/** The router and the world outside are stand-ins, real ones mostly keep silent: what they say is no part of the answer. */
const endsOutside = ({ decisive }: Side) => decisive?.place?.kind === 'gateway' || decisive?.place?.kind === 'external';

const sameEndpoint = ({ endpoint, saw }: AttemptResult, said: Side['endpoints'][number]) =>
  endpoint?.address === said.address && endpoint.port === said.port && saw?.address === said.sees;

/** Which of the endpoints that were named it was; -1 for none. */
export const endpointIndex = (result: AttemptResult, { endpoints }: Side): number =>
  endpoints.findIndex((said) => sameEndpoint(result, said));

/** Why not; undefined where it fits. */
export function unfit(result: AttemptResult, side: Side, isPing: boolean): string | undefined {
  const symptom = symptomIn(result, isPing);
  const { endpoint, saw } = result;
  if (symptom === undefined) {
    if (side.verdict !== 'delivered' && side.verdict !== 'depends') return `got an answer, said to be ${side.verdict}`;
    if (isPing || endpointIndex(result, side) >= 0) return undefined;
    return `answered by ${endpoint?.address} ${endpoint?.port}, which saw ${saw?.address}`;
  }
  if (side.verdict === 'depends') return undefined;
  if (side.symptom === symptom || (isSilence(side.symptom) && endsOutside(side))) return undefined;
  return `${symptom}, said to be ${side.symptom ?? side.verdict}`;
}
