/** `ipvsadm -Sn`: the commands that would make what there is. */

import type { Problem } from '../../problem.ts';
import { eachLine, type LineOptions, linesOf, lookUp, wholeNumber, wordsOf } from '../lines.ts';
import { endText, readEnd } from './address.ts';
import type { IpvsServer, IpvsService } from './types.ts';

export interface ReadIpvs {
  services: IpvsService[];
  /** Lines picked out of a listing, as `grep` does: there may be more services, and which servers these have is not told. */
  isFragment?: boolean;
  problems: Problem[];
}

const PROTOCOLS: Readonly<Record<string, NonNullable<IpvsService['protocol']>>> = {
  '-t': 'tcp',
  '-u': 'udp',
  '--tcp-service': 'tcp',
  '--udp-service': 'udp',
  '--sctp-service': 'sctp',
};

/** Seconds, where `-p` says none. */
const PERSISTENT = 360;

/** Which service a command is about. */
function serviceKey(words: string[]): Pick<IpvsService, 'protocol' | 'address' | 'port' | 'fwmark'> {
  const word = words.shift() ?? '';
  if (word === '-f' || word === '--fwmark-service') return { fwmark: wholeNumber(words.shift(), 'mark', 0xffffffff) };
  const protocol = lookUp(PROTOCOLS, word);
  if (!protocol) throw new RangeError(`"${word}" is no service`);
  return { protocol, ...readEnd(words.shift()) };
}

function readService(words: string[]): IpvsService {
  const service: IpvsService = { ...serviceKey(words), scheduler: 'wlc', servers: [] };
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const value = () => words.shift() ?? '';
    if (word === '-s' || word === '--scheduler') service.scheduler = value();
    else if (word === '-p' || word === '--persistent') {
      service.persistent = /^\d+$/.test(words[0] ?? '') ? Number(words.shift()) : PERSISTENT;
    } else if (word === '-M' || word === '--netmask') service.netmask = value();
    else if (word === '-b' || word === '--sched-flags') service.flags = value();
    else if (word === '--pe') service.pe = value();
    else if (word === '-o' || word === '--ops') service.onePacket = true;
    else if (word === '-6' || word === '--ipv6') service.ipv6 = true;
    else throw new RangeError(`"${word}" is not understood`);
  }
  return service;
}

const METHODS: Readonly<Record<string, IpvsServer['method']>> = {
  '-m': 'masquerade',
  '--masquerading': 'masquerade',
  '-i': 'tunnel',
  '--ipip': 'tunnel',
  '-g': 'route',
  '--gatewaying': 'route',
};

function readServer(words: string[]): IpvsServer {
  const word = words.shift();
  if (word !== '-r' && word !== '--real-server') throw new RangeError('no real server');
  const server: IpvsServer = { ...readEnd(words.shift()), method: 'route', weight: 1 };
  for (let next = words.shift(); next !== undefined; next = words.shift()) {
    const method = lookUp(METHODS, next);
    if (method) server.method = method;
    else if (next === '-w' || next === '--weight') server.weight = wholeNumber(words.shift(), 'weight', 65535);
    else if (next === '-x' || next === '--u-threshold') server.upper = wholeNumber(words.shift(), 'threshold');
    else if (next === '-y' || next === '--l-threshold') server.lower = wholeNumber(words.shift(), 'threshold');
    else throw new RangeError(`"${next}" is not understood`);
  }
  return server;
}

export function readIpvsSave(text: string, options: LineOptions = {}): ReadIpvs {
  const problems: Problem[] = [];
  const services: IpvsService[] = [];
  eachLine(linesOf(text, options), 'ipvs', problems, options, ({ text: line }) => {
    const [verb, ...words] = wordsOf(line);
    if (verb === '-A' || verb === '--add-service') {
      services.push(readService(words));
      return;
    }
    if (verb !== '-a' && verb !== '--add-server') throw new RangeError('neither service nor server');
    const key = serviceKey(words);
    const service = services.find(
      (s) => s.protocol === key.protocol && s.address === key.address && s.port === key.port && s.fwmark === key.fwmark,
    );
    if (!service) throw new RangeError('there is no such service');
    service.servers.push(readServer(words));
  });
  return { services, problems };
}

const LETTERS = { tcp: '-t', udp: '-u', sctp: '--sctp-service' } as const;
const METHOD_LETTERS = { masquerade: '-m', tunnel: '-i', route: '-g' } as const;

const option = (name: string, value: string | number | undefined) => (value === undefined ? '' : ` ${name} ${value}`);

function keyText({ protocol, address = '', port = 0, fwmark }: IpvsService): string {
  return protocol === undefined ? `-f ${fwmark ?? 0}` : `${LETTERS[protocol]} ${endText({ address, port })}`;
}

/** The command that makes the service. */
export function ipvsServiceText(service: IpvsService): string {
  const { scheduler, flags, persistent, netmask, pe, onePacket, ipv6 } = service;
  return (
    `-A ${keyText(service)}${ipv6 ? ' -6' : ''} -s ${scheduler}${option('-b', flags)}${option('-p', persistent)}` +
    `${option('-M', netmask)}${option('--pe', pe)}${onePacket ? ' -o' : ''}`
  );
}

/** The command that adds the server to it. */
export function ipvsServerText(service: IpvsService, server: IpvsServer): string {
  const { method, weight, upper, lower } = server;
  const limits = `${option('-x', upper)}${option('-y', lower)}`;
  return `-a ${keyText(service)} -r ${endText(server)} ${METHOD_LETTERS[method]} -w ${weight}${limits}`;
}

/** `ipvsadm -Sn`. */
export function printIpvsSave(services: readonly IpvsService[]): string {
  return services
    .map((service) => {
      const lines = service.servers.map((server) => `${ipvsServerText(service, server)}\n`);
      return `${ipvsServiceText(service)}\n${lines.join('')}`;
    })
    .join('');
}
