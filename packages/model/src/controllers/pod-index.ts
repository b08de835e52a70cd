/** Pods by label pair, so that thousands of Services find theirs without looking at all. */
import type { Pod } from '../objects/kube.ts';
import { matchesPairs } from '../objects/labels.ts';

export class PodIndex {
  readonly #byPair = new Map<string, Pod[]>();

  constructor(pods: Iterable<Pod>) {
    for (const pod of pods) {
      const { namespace = 'default', labels = {} } = pod.metadata;
      for (const key of Object.keys(labels)) {
        const pair = `${namespace} ${key}=${labels[key]}`;
        const list = this.#byPair.get(pair);
        if (list) list.push(pod);
        else this.#byPair.set(pair, [pod]);
      }
    }
  }

  /** Pods of a namespace that carry every pair; none for an empty selector. */
  selected(namespace: string, selector: Readonly<Record<string, string>>): Pod[] {
    let fewest: Pod[] | undefined;
    for (const [key, value] of Object.entries(selector)) {
      const list = this.#byPair.get(`${namespace} ${key}=${value}`) ?? [];
      if (!fewest || list.length < fewest.length) fewest = list;
    }
    return (fewest ?? []).filter((pod) => matchesPairs(selector, pod.metadata.labels ?? {}));
  }
}
