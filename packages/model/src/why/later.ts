/** A connection that what happened since has broken: who had it, and where its packets go now. */
import type { Outcome, TraceAnswer } from '../answer/answer.ts';
import { placeName } from '../answer/sentences.ts';
import type { Fault } from './answer.ts';

const GRACE =
  'Let the client connect anew. A pod that is to go should close its connections in its grace period (preStop, SIGTERM), and clients should have time-outs of their own.';

/** The translation by which the packet went on as before: from an entry of conntrack, not by a rule. */
function rememberedBy({ forward }: Outcome): { node: string; from: string; to: string } | undefined {
  for (const { place, steps } of forward.hops)
    for (const step of steps)
      if (step.kind === 'nat' && step.remembered && step.what === 'destination')
        return { node: place.name, from: step.from, to: step.to };
  return undefined;
}

/** Undefined where the packet belongs to no connection of before, or arrives. */
export function laterFault({ question }: TraceAnswer, outcome: Outcome | undefined): Fault | undefined {
  const had = outcome?.before?.receiver?.place;
  if (!outcome || !had || question.connection !== 'established' || outcome.verdict === 'delivered') return undefined;
  const { receiver, reason, forward } = outcome;
  const link = 'conntrack';
  const name = placeName(had);
  if (reason === 'connection-unknown') {
    const isSame = receiver?.place.name === had.name;
    const now = isSame
      ? 'which has new processes'
      : `and the packet goes to ${receiver ? placeName(receiver.place) : 'another'}`;
    return {
      link,
      code: 'connection-unknown',
      text: `The connection was with ${name}, ${now}: it is answered with a reset.`,
      setting: isSame ? `the processes of ${name}` : 'the lost entry of conntrack',
      mend: GRACE,
    };
  }
  const { text = '', place } = outcome.decisive ?? {};
  if (/--ctstate INVALID\b|ct state invalid\b/.test(text) && place)
    return {
      link,
      code: 'invalid-segment',
      text: `${place.name} does not have the connection and takes its segment for INVALID, which a rule drops.`,
      setting: `${text} on ${place.name}`,
      mend: 'Let the client connect anew. With net.netfilter.nf_conntrack_tcp_loose = 1 Linux takes up connections in the middle.',
    };
  const entry = rememberedBy(outcome);
  if (!entry) return undefined;
  const { protocol } = forward.packet;
  const why =
    protocol === 'udp'
      ? 'kube-proxy makes nodes forget UDP connections only while the Service has another serving endpoint'
      : 'kube-proxy makes nodes forget connections of UDP only';
  return {
    link,
    code: 'stale-connection',
    text: `${entry.node} sends the connection on to ${entry.to}, where ${name} was: ${why}.`,
    setting: `the entry ${entry.from} > ${entry.to} of conntrack on ${entry.node}`,
    mend: GRACE,
  };
}
