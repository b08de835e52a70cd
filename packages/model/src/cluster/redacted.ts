/** Endpoints whose addresses were blacked out of the input: their pods tell them again. */
import { canonical, familyOf } from '../net/cidr.ts';
import type { EndpointAddress, EndpointSlice, Endpoints, IPFamily, Pod, TargetRef } from '../objects/kube.ts';
import { podAddresses, podIPTexts } from '../objects/pod-facts.ts';
import type { Placed } from './cluster.ts';
import type { Report } from './report.ts';

const isRead = (text: string): boolean => canonical(text) !== undefined;

/** Finds the pod behind an endpoint whose address is redacted: by its targetRef, or because only one pod shows the same text. */
export class Redacted {
  readonly #input: ReadonlyMap<string, Placed<Pod>>;
  readonly #pods: ReadonlyMap<string, Placed<Pod>>;
  readonly #report: Report;
  #byText: Map<string, Pod | undefined> | undefined;

  constructor(input: ReadonlyMap<string, Placed<Pod>>, pods: ReadonlyMap<string, Placed<Pod>>, report: Report) {
    this.#input = input;
    this.#pods = pods;
    this.#report = report;
  }

  #withText(text: string): Pod | undefined {
    if (!this.#byText) {
      this.#byText = new Map();
      for (const [key, { object }] of this.#input) {
        for (const shown of podIPTexts(object))
          this.#byText.set(shown, this.#byText.has(shown) ? undefined : this.#pods.get(key)?.object);
      }
    }
    return this.#byText.get(text);
  }

  /** Undefined, and told, where nothing shows what the address was. */
  #addressOf(text: string, targetRef: TargetRef | undefined, namespace: string, family?: IPFamily): string | undefined {
    const pod =
      this.#pods.get(`${targetRef?.namespace ?? namespace}/${targetRef?.name}`)?.object ?? this.#withText(text);
    const address = pod && podAddresses(pod).find((a) => family === undefined || familyOf(a) === family);
    if (address === undefined)
      this.#report.assume(
        'lost-endpoints',
        'Endpoints whose address is redacted and whose Pod is not in the input were left out',
        'give the EndpointSlices as they are: kubectl get endpointslices -A -o json',
      );
    else
      this.#report.assume(
        'redacted-endpoints',
        'Endpoint addresses are redacted in the input: those of their Pods stand for them',
        'give the EndpointSlices as they are: kubectl get endpointslices -A -o json',
      );
    return address;
  }

  repairSlice(placed: Placed<EndpointSlice>): Placed<EndpointSlice> {
    const slice = placed.object;
    const { addressType, endpoints, metadata } = slice;
    if (addressType === 'FQDN' || endpoints.every((e) => e.addresses.every(isRead))) return placed;
    const repaired = endpoints.flatMap((endpoint) => {
      const { addresses, targetRef } = endpoint;
      if (addresses.every(isRead)) return [endpoint];
      const address = this.#addressOf(addresses[0] ?? '', targetRef, metadata.namespace ?? '', addressType);
      return address === undefined ? [] : [{ ...endpoint, addresses: [address] }];
    });
    return { ...placed, object: { ...slice, endpoints: repaired } };
  }

  repairEndpoints(placed: Placed<Endpoints>): Placed<Endpoints> {
    const { subsets = [], metadata } = placed.object;
    const repair = (list: EndpointAddress[] = []) =>
      list.flatMap((one) => {
        if (isRead(one.ip)) return [one];
        const ip = this.#addressOf(one.ip, one.targetRef, metadata.namespace ?? '');
        return ip === undefined ? [] : [{ ...one, ip }];
      });
    const isWhole = ({ addresses = [], notReadyAddresses = [] }: (typeof subsets)[number]) =>
      [...addresses, ...notReadyAddresses].every(({ ip }) => isRead(ip));
    if (subsets.every(isWhole)) return placed;
    const repaired = subsets.map((subset) => ({
      ...subset,
      addresses: repair(subset.addresses),
      notReadyAddresses: repair(subset.notReadyAddresses),
    }));
    return { ...placed, object: { ...placed.object, subsets: repaired } };
  }
}
