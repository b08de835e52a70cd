/** The shape of what `podwire dns` answers; `schema/dns.schema.json` is its published description. */
import type { DnsCode, DnsRecord } from '../dns/record.ts';
import type { API_VERSION, Decisive, Hint, Note, ObjectRef, VerdictWord } from './answer.ts';

export interface DnsLookupAnswer {
  apiVersion: typeof API_VERSION;
  kind: 'DnsLookup';
  question: {
    from: string;
    name: string;
    namespace?: string;
    client: 'glibc' | 'musl';
    /** Asked for as it stands, without search paths: a record type. Absent: addresses, as a program asks. */
    type?: string;
  };
  /** The pod that asks: the first where the question names several. */
  pod: ObjectRef;
  /**
   * `found`; `no-such-name`; `no-address`: a name without addresses; `try-again`: a server fails; `no-answer`: no server is reached, whatever
   * the name; `unknown`: nobody here knows.
   */
  result: 'found' | 'no-such-name' | 'no-address' | 'try-again' | 'no-answer' | 'unknown';
  /** One sentence. */
  summary: string;
  /** What a program in the pod prints. */
  symptom?: string;
  addresses: string[];
  /** The object that the name belongs to. */
  object?: ObjectRef;
  resolvConf: {
    /** `cluster`, `host` or `none`: what `dnsPolicy` comes to. */
    source: 'cluster' | 'host' | 'none';
    nameservers: string[];
    searches: string[];
    options: string[];
    /** Warnings of the kubelet. */
    events: { reason: string; message: string }[];
  };
  servers: DnsServerView[];
  /** Names in the order that they are tried; none where `/etc/hosts` has it. */
  attempts: DnsAttemptView[];
  /** Addresses in `/etc/hosts`. */
  hostsFile?: string[];
  hints: Hint[];
  notes: Note[];
}

export interface DnsServerView {
  address: string;
  /** `coredns`, `node-local` (the cache on the node), `other`: none of the cluster's. */
  kind: 'coredns' | 'node-local' | 'other';
  service?: string;
  /** The ConfigMap of its Corefile; absent where the usual one is assumed. */
  configMap?: ObjectRef;
  /** What becomes of a question on its way there; absent where the input has nothing with that address. */
  traffic?: DnsTraffic[];
}

/** One stretch of a question's way: to the server, and from the node's cache to the server behind it. */
export interface DnsTraffic {
  from: string;
  to: string;
  protocol: 'udp' | 'tcp';
  verdict: VerdictWord;
  reason: string;
  summary: string;
  decisive?: Decisive;
}

export interface DnsAttemptView {
  name: string;
  /** The search path behind it. */
  search?: string;
  outcome: 'found' | 'no-data' | 'no-name' | 'failed' | 'unknown';
  questions: {
    type: string;
    rcode: DnsCode;
    records: DnsRecord[];
    /** Records that come along: the SOA of a zone that has no such name, addresses of SRV targets. */
    authority: DnsRecord[];
    additional: DnsRecord[];
    /** The plugin that answered, and its line in the Corefile. */
    by: string;
    line?: number;
    /** What would have to be known. */
    unknown?: string;
  }[];
}
