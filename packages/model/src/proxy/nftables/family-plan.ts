/** All service ports of one IP family, for any node and any setting: which of them may differ from node to node. */
import type { IPFamily } from '../../objects/kube.ts';
import type { Problem } from '../../problem.ts';
import { EndpointPlans } from '../endpoint-plan.ts';
import { type EndpointInfo, endpointsByServicePort } from '../endpoints.ts';
import type { ProxyObjects } from '../proxy.ts';
import { servicePorts } from '../service-ports.ts';
import { NftMaker } from './maker.ts';
import { PortPlan } from './port-plan.ts';

/** An endpoint of a service port. */
interface Placed {
  plan: PortPlan;
  endpoint: EndpointInfo;
}

export class FamilyPlan {
  readonly family: IPFamily;
  readonly make: NftMaker;
  /** In the order in which their rules are written. */
  readonly plans: readonly PortPlan[];
  readonly places: EndpointPlans<PortPlan>;
  /** Ports with a firewall, which may let the node through. */
  readonly firewalls: readonly PortPlan[];
  /** Ports whose external chain asks who is a local pod. */
  readonly detecting: readonly PortPlan[];
  readonly #onNode = new Map<string, Placed[]>();

  constructor(objects: ProxyObjects, family: IPFamily, report: (problem: Problem) => void) {
    this.family = family;
    this.make = new NftMaker(family, report);
    const ports = servicePorts(objects.services, family, report);
    const endpoints = endpointsByServicePort(objects.endpointSlices, family, report);
    const plans: PortPlan[] = [];
    for (const [key, info] of ports) {
      const own = endpoints.get(key) ?? [];
      const plan = new PortPlan(info, own, this.make);
      plans.push(plan);
      for (const endpoint of own) {
        const here = this.#onNode.get(endpoint.nodeName);
        if (here) here.push({ plan, endpoint });
        else this.#onNode.set(endpoint.nodeName, [{ plan, endpoint }]);
      }
    }
    this.plans = plans;
    this.places = new EndpointPlans(plans);
    this.firewalls = plans.filter((plan) => plan.port.usesFirewallChain);
    this.detecting = plans.filter((plan) => plan.usesExternalChain && plan.port.info.externalPolicyLocal);
  }

  /** Every endpoint on the node, usable or not. */
  onNode(nodeName: string): readonly Placed[] {
    return this.#onNode.get(nodeName) ?? [];
  }
}
