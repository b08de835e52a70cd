/** All service ports of one IP family, for any node and any setting: which of them may differ from node to node. */
import type { IPFamily } from '../../objects/kube.ts';
import type { Problem } from '../../problem.ts';
import { EndpointPlans } from '../endpoint-plan.ts';
import { endpointsByServicePort } from '../endpoints.ts';
import { tableFamily } from '../ip.ts';
import type { ProxyObjects } from '../proxy.ts';
import { servicePorts } from '../service-ports.ts';
import { ChainMaker } from './chains.ts';
import { isLargeCluster } from './endpoint-chains.ts';
import { PortPlan } from './port-plan.ts';

export class FamilyPlan {
  readonly family: IPFamily;
  readonly make: ChainMaker;
  /** In the order in which their rules are written. */
  readonly plans: readonly PortPlan[];
  readonly places: EndpointPlans<PortPlan>;
  /** Ports with a firewall, which may let the node through. */
  readonly firewalls: readonly PortPlan[];

  constructor(objects: ProxyObjects, family: IPFamily, report: (problem: Problem) => void) {
    this.family = family;
    this.make = new ChainMaker(tableFamily(family), report);
    const ports = servicePorts(objects.services, family, report);
    const endpoints = endpointsByServicePort(objects.endpointSlices, family, report);
    const isLarge = isLargeCluster(ports.keys(), endpoints);
    this.plans = [...ports].map(([key, info]) => new PortPlan(info, endpoints.get(key) ?? [], isLarge, this.make));
    this.places = new EndpointPlans(this.plans);
    this.firewalls = this.plans.filter((plan) => plan.usesFirewallChain);
  }
}
