/** What the generator knows of the network it makes: the values that rules and packets draw from. */
import type { Family, Netns } from '../../src/index.ts';

export interface Plan {
  netnses: Netns[];
  /** Addresses that stand somewhere, by family. */
  addresses: Record<Family, string[]>;
  /** Addresses nobody has, for services and black holes. */
  strangers: Record<Family, string[]>;
  prefixes: Record<Family, string[]>;
  /** Ends of virtual services, and where they are. */
  virtual: { netns: Netns; family: Family; protocol: number; address: string; port: number; mark: number }[];
  /** Names of interfaces, anywhere. */
  links: string[];
}

export const PORTS = [22, 53, 80, 443, 600, 1024, 8080, 30080, 40000, 40001, 65535];
export const MARKS = [0, 1, 2, 4, 0x4000, 0x8000, 0xffffffff];
export const PROTOCOLS = [1, 6, 6, 6, 17, 17, 58, 132, 47, 4, 41];

/** The namespaces that own more than one link: where rules and routes are interesting. */
export const routers = (plan: Plan): Netns[] => plan.netnses.filter((netns) => netns.links.length > 1);
