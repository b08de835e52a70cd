import { describe, expect, it } from 'vitest';
import { distinctObjects, sameValue } from './duplicates.ts';
import type { SourcedObject } from './source.ts';

let line = 0;

function defined(apiVersion: string, kind: string, name: string, namespace?: string): SourcedObject {
  line += 1;
  const metadata = namespace === undefined ? { name } : { name, namespace };
  return { object: { apiVersion, kind, metadata }, origin: { file: 'a.yaml', document: 0, line } };
}

describe('distinctObjects', () => {
  it('takes the last definition at the place of the first', () => {
    const first = defined('v1', 'Service', 'api');
    const other = defined('v1', 'Service', 'web');
    const last = defined('v1', 'Service', 'api', 'default');
    const { distinct, repeated } = distinctObjects([first, other, last]);
    expect(distinct).toEqual([last, other]);
    expect(repeated).toEqual([[first, last]]);
  });

  it('tells groups, kinds and namespaces apart, but not versions of a group', () => {
    const objects = [
      defined('apps/v1', 'Deployment', 'web'),
      defined('apps/v1beta2', 'Deployment', 'web'),
      defined('extensions/v1beta1', 'Deployment', 'web'),
      defined('apps/v1', 'StatefulSet', 'web'),
      defined('apps/v1', 'Deployment', 'web', 'shop'),
      defined('extensions/v1beta1', 'Ingress', 'web'),
      defined('networking.k8s.io/v1', 'Ingress', 'web'),
      defined('v1', 'Service', 'web'),
      defined('serving.knative.dev/v1', 'Service', 'web'),
    ];
    const { distinct } = distinctObjects(objects);
    expect(
      distinct.map(({ object }) => `${object.apiVersion} ${object.kind} ${object.metadata.namespace ?? ''}`),
    ).toEqual([
      'extensions/v1beta1 Deployment ',
      'apps/v1 StatefulSet ',
      'apps/v1 Deployment shop',
      'networking.k8s.io/v1 Ingress ',
      'v1 Service ',
      'serving.knative.dev/v1 Service ',
    ]);
  });

  it('leaves out objects without a name', () => {
    expect(distinctObjects([defined('v1', 'Pod', ''), defined('v1', 'Pod', '')])).toEqual({
      distinct: [],
      repeated: [],
    });
  });
});

describe('sameValue', () => {
  it('does not follow hostile nesting to the end of the stack', () => {
    const deep = () => JSON.parse(`${'['.repeat(1e5)}${']'.repeat(1e5)}`);
    expect(sameValue(deep(), deep())).toBe(false);
  });

  it.each([
    [{ a: 1, b: [1, { c: null }] }, { b: [1, { c: null }], a: 1 }, true],
    [{ a: 1 }, { a: 1, b: undefined }, false],
    [{ a: 1 }, { b: 1 }, false],
    [[1, 2], [2, 1], false],
    [[], {}, false],
    [null, {}, false],
    ['1', 1, false],
  ])('%j and %j: %s', (a, b, same) => {
    expect(sameValue(a, b)).toBe(same);
    expect(sameValue(b, a)).toBe(same);
  });
});
