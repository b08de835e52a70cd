/** Names that stand for another object, where the input has the kind and not the name. */
import { keyOf, namespaceOf as namespaceOfObject } from '../answer/directory.ts';
import type { SourcedObject } from '../read/source.ts';
import type { Finding } from './answer.ts';
import { dig, type FieldPath, type Looking, listOf, meant, textOf } from './look.ts';

interface Reference {
  from: SourcedObject;
  path: FieldPath;
  kind: string;
  /** Namespace and name, or the name of what has no namespace. */
  key: string;
}

/** Kinds of which an input that holds one mostly holds all; of others nothing can be said. */
function isKnown(looking: Looking, { kind }: Reference): boolean {
  return kind === 'Service' || looking.of(kind).length > 0;
}

function exists(looking: Looking, { kind, key }: Reference): boolean {
  if (kind === 'Service') return looking.session.cluster.services.has(key);
  if (kind === 'Namespace') return looking.session.cluster.namespaces.has(key);
  return looking.keys(kind).has(key) || looking.names(kind).includes(key);
}

function missing(looking: Looking, reference: Reference): Finding[] {
  looking.references++;
  if (!isKnown(looking, reference) || exists(looking, reference)) return [];
  const { from, path, kind, key } = reference;
  const known = kind === 'Service' ? looking.session.cluster.services.keys() : looking.keys(kind);
  const elsewhere = [...known].find((other) => other !== key && other.split('/')[1] === key.split('/')[1]);
  const near =
    elsewhere === undefined
      ? meant(key, known)
      : `${kind} ${key.split('/')[1]} stands in namespace ${elsewhere.split('/')[0]}.`;
  return [
    {
      // Certificates and sealed secrets become Secrets in the cluster alone.
      rank: kind === 'Secret' ? 'suspect' : 'broken',
      code: 'unknown-reference',
      text: `${from.object.kind} ${keyOf(from.object)} names ${kind} ${key}, and there is none.`,
      ...(near !== undefined && { mend: near }),
      object: looking.at(from, path),
    },
  ];
}

const namespaceOf = ({ object }: SourcedObject): string => namespaceOfObject(object);

interface Backend {
  path: FieldPath;
  name: string;
  port: string | number | undefined;
  portPath: FieldPath;
}

/** Of both forms: `networking.k8s.io/v1` and the older `serviceName`. */
function backendOf(value: unknown, path: FieldPath): Backend[] {
  const name = textOf(dig(value, 'service', 'name'));
  if (name !== undefined) {
    const port = dig(value, 'service', 'port');
    const number = dig(port, 'number');
    const portName = textOf(dig(port, 'name'));
    const portPath = [...path, 'service', 'port', portName === undefined ? 'number' : 'name'];
    return [
      {
        path: [...path, 'service', 'name'],
        name,
        port: portName ?? (typeof number === 'number' ? number : undefined),
        portPath,
      },
    ];
  }
  const old = textOf(dig(value, 'serviceName'));
  const port = dig(value, 'servicePort');
  if (old === undefined) return [];
  return [
    {
      path: [...path, 'serviceName'],
      name: old,
      port: typeof port === 'number' || typeof port === 'string' ? port : undefined,
      portPath: [...path, 'servicePort'],
    },
  ];
}

function ingressBackends({ object }: SourcedObject): Backend[] {
  const { spec } = object;
  return [
    ...backendOf(dig(spec, 'defaultBackend'), ['spec', 'defaultBackend']),
    ...backendOf(dig(spec, 'backend'), ['spec', 'backend']),
    ...listOf(dig(spec, 'rules')).flatMap((rule, i) =>
      listOf(dig(rule, 'http', 'paths')).flatMap((path, j) =>
        backendOf(dig(path, 'backend'), ['spec', 'rules', i, 'http', 'paths', j, 'backend']),
      ),
    ),
  ];
}

function ingressPort(looking: Looking, from: SourcedObject, backend: Backend): Finding[] {
  const { port, name, portPath } = backend;
  const service = looking.session.cluster.services.get(`${namespaceOf(from)}/${name}`);
  if (!service || port === undefined) return [];
  const ports = service.object.spec.ports ?? [];
  if (ports.some((one) => one.port === Number(port) || one.name === port)) return [];
  looking.references++;
  const has = ports.map((one) => (one.name === undefined ? `${one.port}` : `${one.name} (${one.port})`)).join(', ');
  return [
    {
      rank: 'broken',
      code: 'unknown-port',
      text: `Ingress ${keyOf(from.object)} sends to port ${port} of Service ${name}, which has ${has || 'none'}.`,
      mend:
        ports.length === 1
          ? `Write ${ports[0]?.name === undefined ? `number: ${ports[0]?.port}` : `name: ${ports[0].name}`}.`
          : 'Write one of its ports.',
      object: looking.at(from, portPath),
    },
  ];
}

function checkIngress(looking: Looking, from: SourcedObject): Finding[] {
  const namespace = namespaceOf(from);
  const { spec, metadata } = from.object;
  const backends = ingressBackends(from);
  const ofClass = textOf(dig(spec, 'ingressClassName'));
  const secrets = listOf(dig(spec, 'tls')).flatMap((tls, i): Finding[] => {
    const name = textOf(dig(tls, 'secretName'));
    if (name === undefined) return [];
    const path = ['spec', 'tls', i, 'secretName'];
    return missing(looking, { from, path, kind: 'Secret', key: `${namespace}/${name}` });
  });
  const noClass: Finding[] =
    ofClass === undefined &&
    metadata.annotations?.['kubernetes.io/ingress.class'] === undefined &&
    looking.of('IngressClass').length > 0 &&
    !looking
      .of('IngressClass')
      .some(({ object }) => object.metadata.annotations?.['ingressclass.kubernetes.io/is-default-class'] === 'true')
      ? [
          {
            rank: 'suspect',
            code: 'no-ingress-class',
            text: `Ingress ${keyOf(from.object)} names no class and no IngressClass is the default: controllers may pass it over.`,
            mend: `Write ingressClassName: ${looking.names('IngressClass')[0]}.`,
            object: looking.at(from, ['spec', 'ingressClassName']),
          },
        ]
      : [];
  return [
    ...backends.flatMap(({ path, name }) =>
      missing(looking, { from, path, kind: 'Service', key: `${namespace}/${name}` }),
    ),
    ...backends.flatMap((backend) => ingressPort(looking, from, backend)),
    ...(ofClass === undefined
      ? []
      : missing(looking, { from, path: ['spec', 'ingressClassName'], kind: 'IngressClass', key: ofClass })),
    ...noClass,
    ...secrets,
  ];
}

const ROUTES = ['HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute', 'UDPRoute'];

function checkRoute(looking: Looking, from: SourcedObject): Finding[] {
  const home = namespaceOf(from);
  const { spec } = from.object;
  const parents = listOf(dig(spec, 'parentRefs')).flatMap((parent, i): Finding[] => {
    const name = textOf(dig(parent, 'name'));
    const kind = textOf(dig(parent, 'kind')) ?? 'Gateway';
    const namespace = textOf(dig(parent, 'namespace')) ?? home;
    if (name === undefined || kind !== 'Gateway') return [];
    return missing(looking, { from, path: ['spec', 'parentRefs', i, 'name'], kind, key: `${namespace}/${name}` });
  });
  const backends = listOf(dig(spec, 'rules')).flatMap((rule, i) =>
    listOf(dig(rule, 'backendRefs')).flatMap((backend, j): Finding[] => {
      const name = textOf(dig(backend, 'name'));
      const kind = textOf(dig(backend, 'kind')) ?? 'Service';
      const namespace = textOf(dig(backend, 'namespace')) ?? home;
      if (name === undefined || kind !== 'Service') return [];
      return missing(looking, {
        from,
        path: ['spec', 'rules', i, 'backendRefs', j, 'name'],
        kind,
        key: `${namespace}/${name}`,
      });
    }),
  );
  return [...parents, ...backends];
}

function checkStatefulSet(looking: Looking, from: SourcedObject): Finding[] {
  const name = textOf(dig(from.object.spec, 'serviceName'));
  if (name === undefined) return [];
  const key = `${namespaceOf(from)}/${name}`;
  const path = ['spec', 'serviceName'];
  return missing(looking, { from, path, kind: 'Service', key }).map((finding) => ({
    ...finding,
    rank: 'suspect',
    text: `${finding.text} Its pods have no names of their own in DNS.`,
  }));
}

function checkAutoscaler(looking: Looking, from: SourcedObject): Finding[] {
  const kind = textOf(dig(from.object.spec, 'scaleTargetRef', 'kind'));
  const name = textOf(dig(from.object.spec, 'scaleTargetRef', 'name'));
  if (kind === undefined || name === undefined) return [];
  return missing(looking, {
    from,
    path: ['spec', 'scaleTargetRef', 'name'],
    kind,
    key: `${namespaceOf(from)}/${name}`,
  });
}

export function checkReferences(looking: Looking): Finding[] {
  return [
    ...looking.of('Ingress').flatMap((from) => checkIngress(looking, from)),
    ...ROUTES.flatMap((kind) => looking.of(kind)).flatMap((from) => checkRoute(looking, from)),
    ...looking.of('StatefulSet').flatMap((from) => checkStatefulSet(looking, from)),
    ...looking.of('HorizontalPodAutoscaler').flatMap((from) => checkAutoscaler(looking, from)),
  ];
}
