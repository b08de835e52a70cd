/** The shape of the answer to `why`: one question, from name to socket and back, and the first link of the chain that is broken. */
import type { API_VERSION, AskedQuestion, ChangeView, ObjectRef, Receiver, VerdictWord } from '../answer/answer.ts';

/** The links of the chain, in the order a packet needs them. */
export const LINKS = [
  'dns',
  'service',
  'port',
  'selector',
  'readiness',
  'endpoints',
  'proxy-rule',
  'load-balancer',
  'policy',
  'node-firewall',
  'bridge',
  'route',
  'overlay',
  'nat',
  'conntrack',
  'listener',
  'reply',
] as const;

export type LinkName = (typeof LINKS)[number];

/** Beyond the machine's verdicts: what only the chain as a whole can tell. */
export type WhyVerdict = VerdictWord | 'no-such-name' | 'wrong-destination' | 'source-changed';

export interface WhyAnswer {
  apiVersion: typeof API_VERSION;
  kind: 'Why';
  question: AskedQuestion;
  /** What happened between the connection and the packet; absent where nothing did. */
  changes?: ChangeView[];
  verdict: WhyVerdict;
  /** Code of a row in the reason catalogue. */
  reason: string;
  /** One sentence. */
  summary: string;
  /** What a program at the source sees: `connection refused`, `time-out`. */
  symptom?: string;
  /** Who gets the packet, and whose address it sees; of several, as the chain has it. */
  receiver?: Receiver;
  chain: ChainLink[];
  /** The first broken link's fault. Absent where nothing is wrong with the input. */
  fault?: Fault;
  /** Further findings that would also be worth a look, the likeliest first. */
  also: Fault[];
  /** It works as specified: the rule, and the setting that would change it. */
  intended?: { text: string; setting: string };
  /** What was not in the input and could decide otherwise. */
  unseen: Unseen[];
}

export interface ChainLink {
  link: LinkName;
  /** `unseen`: the input does not show it; `not-reached`: an earlier link is broken. */
  status: 'ok' | 'broken' | 'doubtful' | 'unseen' | 'not-reached';
  /** A few words. */
  text: string;
  object?: ObjectRef;
}

export interface Fault {
  link: LinkName;
  /** Stable kebab-case code. */
  code: string;
  /** One sentence: what is wrong. */
  text: string;
  /** The object and field to blame. */
  object?: ObjectRef;
  /** Where no object is to blame: the sysctl, flag, file or entry. */
  setting?: string;
  /** One sentence: what to change. */
  mend?: string;
  patch?: Patch;
  /** Shown by changing this one thing: the answer was then `delivered`. */
  proved?: boolean;
}

/** `kubectl patch KIND NAME -n NAMESPACE --type merge -p PATCH`. */
export interface Patch {
  object: ObjectRef;
  /** A JSON merge patch. */
  merge: unknown;
}

export interface Unseen {
  /** Of the note in a trace: `listener-assumed`. */
  code: string;
  /** podwire made it up, as manifests without a cluster need it. */
  madeUp?: true;
  /** A few words: `who listens in shop/api-1`. */
  what: string;
  /** The command that would show it. */
  command: string;
}
