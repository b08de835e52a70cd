/**
 * The rules of `endpoint-chains.ts` as what iptables makes of them, without the way through words: a large cluster has a hundred thousand
 * of them, and all but the endpoint is the same. What is not as plain as that goes through the reader of rules.
 */
import type { Rule, Statement } from '@podwire/engine';
import type { EndpointInfo } from '../endpoints.ts';
import type { ChainMaker } from './chains.ts';
import { endpointChain, endpointChoice } from './endpoint-chains.ts';
import type { IptablesPort } from './port-state.ts';

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
    if (info.sessionAffinity === 'ClientIP' || texts?.some((text) => text.length > COMMENT_LENGTH))
      return this.#make.rules(endpointChoice(port, chain, endpoints, this.#isLarge));
    return endpoints.map((endpoint, i) => {
      const left = endpoints.length - i;
      const body: Statement[] = [];
      if (texts) body.push({ kind: 'comment', text: texts[i] as string });
      if (left > 1) body.push(chance(left));
      body.push({ kind: 'jump', chain: port.endpointChain(endpoint) });
      return { body, cause: port.endpointCause(endpoint) };
    });
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
      info.sessionAffinity !== 'ClientIP' &&
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
    return [
      { body: [{ kind: 'saddr', prefix: `${ip}/32` }, ...text, masquerade], cause },
      { body: [test, ...text, protocol.test, { kind: 'dnat', range }], cause },
    ];
  }
}
