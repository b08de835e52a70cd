/** `ip` and `ip -batch`, `bridge -batch`: commands that change a network namespace as the kernel would. */
import type { Family, Netns } from '@podwire/engine';
import { splitShellWords } from '../iptables/index.ts';
import { changeAddress } from './address.ts';
import { changeFdb, setBridgePort } from './bridge.ts';
import type { Host } from './host.ts';
import { changeLink } from './link.ts';
import { changeNeighbor } from './neighbor.ts';
import { changeNexthop } from './nexthop-object.ts';
import { IpRefusal } from './refusal.ts';
import { type RouteVerb, readRoute } from './route-request.ts';
import { addRoute4, deleteRoute4 } from './route4.ts';
import { addRoute6, deleteRoute6 } from './route6.ts';
import { addRule, deleteRule } from './rule.ts';
import { Words } from './words.ts';

/** A command that was refused, and how. */
export interface Refused {
  /** 1-based line of the batch. */
  line: number;
  command: string;
  /** `EEXIST` ...; absent where the tool itself refused. */
  errno?: string;
  /** As `ip` prints it: `RTNETLINK answers: File exists`, `Error: Nexthop has invalid gateway.` */
  message: string;
}

const VERBS: Readonly<Record<string, RouteVerb>> = {
  add: 'add',
  replace: 'replace',
  change: 'change',
  chg: 'change',
  append: 'append',
  prepend: 'prepend',
  del: 'delete',
  delete: 'delete',
};

function changeRoute(host: Host, verb: string, words: Words, family: Family | undefined): void {
  const known = VERBS[verb];
  if (!known) throw new IpRefusal(`Command "${verb}" is unknown, try "ip route help".`);
  const request = readRoute(words, known, family);
  if (request.family === 4) (known === 'delete' ? deleteRoute4 : addRoute4)(host, request);
  else (known === 'delete' ? deleteRoute6 : addRoute6)(host, request);
}

type Change = (host: Host, verb: string, words: Words, family: Family | undefined) => void;

/** Objects may be cut short; the first that begins so is meant. */
const OBJECTS: readonly (readonly [string, Change])[] = [
  ['address', changeAddress],
  ['addrlabel', () => refuseObject('addrlabel')],
  ['link', changeLink],
  ['neighbor', changeNeighbor],
  ['neighbour', changeNeighbor],
  ['nexthop', changeNexthop],
  ['route', changeRoute],
  [
    'rule',
    (host, verb, words, family) => {
      if (verb === 'add') addRule(host, words, family);
      else if (verb === 'del' || verb === 'delete') deleteRule(host, words, family);
      else throw new IpRefusal(`Command "${verb}" is unknown, try "ip rule help".`);
    },
  ],
];

function refuseObject(name: string): never {
  throw new IpRefusal(`ip ${name} is not modelled`);
}

/** Throws `IpRefusal`. */
function runIp(host: Host, words: Words): void {
  let family: Family | undefined;
  for (;;) {
    if (words.take('-4')) family = 4;
    else if (words.take('-6')) family = 6;
    else if (!words.take('-d', '-details', '-o', '-n')) break;
  }
  const name = words.next('object');
  const object = OBJECTS.find(([full]) => full.startsWith(name));
  if (!object) throw new IpRefusal(`Object "${name}" is unknown, try "ip help".`);
  object[1](host, words.next('command'), words, family);
}

function runBridge(host: Host, words: Words): void {
  const name = words.next('object');
  const verb = words.next('command');
  if (name === 'link' && verb === 'set') setBridgePort(host, words);
  else if (name === 'fdb') changeFdb(host, verb, words);
  else throw new IpRefusal(`bridge ${name} ${verb} is not modelled`);
}

function runBatch(host: Host, text: string, run: (host: Host, words: Words) => void): Refused[] {
  const refused: Refused[] = [];
  text.split('\n').forEach((raw, index) => {
    const command = raw.trim();
    if (command === '' || command.startsWith('#')) return;
    try {
      const words = splitShellWords(command);
      if (!words) throw new IpRefusal('a quotation mark is not closed');
      run(host, new Words(words));
    } catch (error) {
      if (!(error instanceof IpRefusal)) throw error;
      const { errno, message } = error;
      refused.push({ line: index + 1, command, message, ...(errno !== undefined && { errno }) });
    }
  });
  return refused;
}

function hostOf(netns: Netns, world: readonly Netns[]): Host {
  return { netns, world: new Map([netns, ...world].map((n) => [n.name, n])) };
}

/**
 * Runs the lines of `ip -batch` one after the other in `netns`, which is changed in place; `world` holds the other ends of veth pairs.
 * Commands that are refused change nothing and are returned; the rest goes on (`ip -force -batch`).
 */
export function applyIp(netns: Netns, text: string, world: readonly Netns[] = []): Refused[] {
  return runBatch(hostOf(netns, world), text, runIp);
}

/** The same for `bridge -batch`: port settings and forwarding entries. */
export function applyBridge(netns: Netns, text: string, world: readonly Netns[] = []): Refused[] {
  return runBatch(hostOf(netns, world), text, runBridge);
}

/** A namespace as it is made: nothing in it but `lo`. */
export function emptyNetns(name: string): Netns {
  return { name, links: [], addresses: [], tables: [], sysctls: {}, netfilter: [] };
}
