/**
 * The rules of `endpoint-chains.ts` as what iptables makes of them, without the way through words: a large cluster has a hundred thousand
 * of them, and all but the endpoint is the same. What is not as plain as that goes through the reader of rules.
 */
import type { Rule, Statement } from '@podwire/engine';
import type { EndpointInfo } from '../endpoints.ts';
import type { ChainMaker } from './chains.ts';
import { endpointChain, endpointChoice } from './endpoint-chains.ts';
import type { IptablesPort } from './port.ts';

/** `xt_comment` takes 255 bytes; no character of a name has more than three. */
const COMMENT_LENGTH = 85;
/** `xt_statistic` keeps a probability in units of 2^-31; kube-proxy writes ten digits of it. */
const CERTAIN = 0x80000000;
const PROTOCOLS: Readonly<Record<string, { number: number; test: Statement }>> = {
  tcp: { number: 6, test: { kind: 'tcp' } },
  udp: { number: 17, test: { kind: 'udp' } },
  sctp: { number: 132, test: { kind: 'sctp' } },
};

/** `-m statistic --mode random --probability 1/n`, one statement for each n. */
const chances: Statement[] = [];

function chance(n: number): Statement {
  chances[n] ??= { kind: 'statistic', mode: 'random', probability: Math.round(Number((1 / n).toFixed(10)) * CERTAIN) };
  return chances[n];
}

export class EndpointRules {
  readonly #port: IptablesPort;
  readonly #isLarge: boolean;
  readonly #make: ChainMaker;

  constructor(port: IptablesPort, isLarge: boolean, make: ChainMaker) {
    this.#port = port;
    this.#isLarge = isLarge;
    this.#make = make;
  }

  /** @param chain KUBE-SVC or KUBE-SVL of the port. */
  choice(chain: string, endpoints: readonly EndpointInfo[]): Rule[] {
    const port = this.#port;
    const { info } = port;
    const texts = this.#isLarge ? undefined : endpoints.map(({ endpoint }) => `${info.nameString} -> ${endpoint}`);
    if (!this.#hasPlainAffinity || texts?.some((text) => text.length > COMMENT_LENGTH))
      return this.#make.rules(endpointChoice(port, chain, endpoints, this.#isLarge));
    const rules: Rule[] = [];
    const add = (endpoint: EndpointInfo, i: number, test: Statement | undefined) => {
      const body: Statement[] = [];
      if (texts) body.push({ kind: 'comment', text: texts[i] as string });
      if (test) body.push(test);
      body.push({ kind: 'jump', chain: port.endpointChain(endpoint) });
      rules.push({ body, cause: port.endpointCause(endpoint) });
    };
    if (info.sessionAffinity === 'ClientIP') {
      const seconds = info.stickyMaxAgeSeconds;
      for (const [i, endpoint] of endpoints.entries())
        add(endpoint, i, { ...this.#recent(endpoint), action: 'rcheck', seconds, reap: true });
    }
    for (const [i, endpoint] of endpoints.entries()) {
      const left = endpoints.length - i;
      add(endpoint, i, left > 1 ? chance(left) : undefined);
    }
    return rules;
  }

  /** Without affinity, or for a time that `xt_recent` takes. */
  get #hasPlainAffinity(): boolean {
    const { sessionAffinity, stickyMaxAgeSeconds } = this.#port.info;
    return sessionAffinity !== 'ClientIP' || (this.#make.family === 'ip' && stickyMaxAgeSeconds >= 1);
  }

  /** The list of clients that an endpoint has served; the mask is iptables' own where none is given. */
  #recent(endpoint: EndpointInfo) {
    const name = this.#port.endpointChain(endpoint);
    return { kind: 'recent' as const, name, side: 'source' as const, mask: '255.255.255.255' };
  }

  /** The rules of KUBE-SEP. */
  endpoint(endpoint: EndpointInfo): Rule[] {
    const port = this.#port;
    const { info } = port;
    const make = this.#make;
    const protocol = PROTOCOLS[port.protocol];
    const isPlain =
      make.family === 'ip' &&
      !endpoint.ip.includes(':') &&
      protocol &&
      this.#hasPlainAffinity &&
      info.nameString.length <= COMMENT_LENGTH &&
      endpoint.port > 0 &&
      endpoint.port <= 0xffff;
    if (!isPlain) return make.rules(endpointChain(port, endpoint, this.#isLarge));
    const { ip, port: number } = endpoint;
    const text: Statement[] = this.#isLarge ? [] : [make.shared({ kind: 'comment', text: info.nameString })];
    const range = { addresses: { from: ip, to: ip }, ports: { from: number, to: number } };
    const masquerade = make.shared({ kind: 'jump', chain: 'KUBE-MARK-MASQ' });
    const test = make.shared({ kind: 'protocol', protocol: protocol.number });
    const cause = port.endpointCause(endpoint);
    const recent: Statement[] =
      info.sessionAffinity === 'ClientIP' ? [{ ...this.#recent(endpoint), action: 'set' }] : [];
    return [
      { body: [{ kind: 'saddr', prefix: `${ip}/32` }, ...text, masquerade], cause },
      { body: [test, ...text, ...recent, protocol.test, { kind: 'dnat', range }], cause },
    ];
  }
}
