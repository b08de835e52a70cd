/** All service ports of one IP family, for any node and any setting: which of them may differ from node to node. */
import type { IPFamily } from '../../objects/kube.ts';
import type { Problem } from '../../problem.ts';
import type { ProxyPlace } from '../categorize-endpoints.ts';
import { endpointsByServicePort } from '../endpoints.ts';
import type { ProxyObjects } from '../proxy.ts';
import { servicePorts } from '../service-ports.ts';
import { ChainMaker, tableFamily } from './chains.ts';
import { isLargeCluster } from './endpoint-chains.ts';
import { PortPlan } from './port-plan.ts';

export class FamilyPlan {
  readonly family: IPFamily;
  readonly make: ChainMaker;
  /** In the order in which their rules are written. */
  readonly plans: readonly PortPlan[];
  /** Ports whose endpoints under policy Cluster hang on hints. */
  readonly hinted: readonly PortPlan[];
  /** Ports with a firewall, which may let the node through. */
  readonly firewalls: readonly PortPlan[];
  readonly #hintedNodes: ReadonlySet<string>;
  readonly #localByNode = new Map<string, PortPlan[]>();

  constructor(objects: ProxyObjects, family: IPFamily, report: (problem: Problem) => void) {
    this.family = family;
    this.make = new ChainMaker(tableFamily(family), report);
    const ports = servicePorts(objects.services, family, report);
    const endpoints = endpointsByServicePort(objects.endpointSlices, family, report);
    const isLarge = isLargeCluster(ports.keys(), endpoints);
    this.plans = [...ports].map(([key, info]) => new PortPlan(info, endpoints.get(key) ?? [], isLarge, this.make));
    this.hinted = this.plans.filter((plan) => plan.followsHints);
    this.firewalls = this.plans.filter((plan) => plan.usesFirewallChain);
    this.#hintedNodes = new Set(this.hinted.flatMap((plan) => [...plan.hintedNodes]));
    for (const plan of this.plans) {
      for (const nodeName of plan.local.keys()) {
        const here = this.#localByNode.get(nodeName);
        if (here) here.push(plan);
        else this.#localByNode.set(nodeName, [plan]);
      }
    }
  }

  /** Ports with usable endpoints on the node under a policy Local. */
  localTo(nodeName: string): readonly PortPlan[] {
    return this.#localByNode.get(nodeName) ?? [];
  }

  /** Nodes of one key get the same endpoints under policy Cluster, for all ports. */
  placeKey({ nodeName, zone }: ProxyPlace): string {
    return this.#hintedNodes.has(nodeName) ? `${zone} ${nodeName}` : `${zone} `;
  }
}
