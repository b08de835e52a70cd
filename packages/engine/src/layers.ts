/** Tables stand on others by `base`; such a tower must end. */
import { EngineError } from './errors.ts';
import type { Netns } from './network.ts';

interface Layer {
  base?: Layer;
}

/** Throws `EngineError` where a table of chains or routes stands on itself. */
export function checkLayers(netnses: readonly Netns[]): void {
  const ends = new Set<Layer>();
  for (const { name, netfilter, tables } of netnses) {
    for (const list of [netfilter, tables]) {
      for (const table of list) {
        const path = new Set<Layer>();
        for (let layer: Layer | undefined = table; layer && !ends.has(layer); layer = layer.base) {
          if (path.has(layer))
            throw new EngineError('BAD_VALUE', `network namespace ${name}: a table stands on itself by its base`);
          path.add(layer);
        }
        for (const layer of path) ends.add(layer);
      }
    }
  }
}
