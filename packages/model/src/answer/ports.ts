/** Which ports a question means: by number, by name, or all that the object shows. */

import type { Pod, Service, ServicePort, TransportProtocol } from '../objects/kube.ts';
import { containerPorts } from '../objects/pod-facts.ts';
import { QuestionError } from './question-error.ts';
import type { TransportName } from './reference.ts';

export interface AskedPort {
  protocol?: TransportName;
  port?: number | string;
}

export interface MeantPort {
  protocol: TransportName;
  /** 0 for ICMP. */
  port: number;
  /** Index into the Service's `spec.ports`, where it is one of them. */
  index?: number;
  name?: string;
}

function nameOf(protocol: TransportProtocol | undefined): TransportName {
  return (protocol ?? 'TCP').toLowerCase() as TransportName;
}

/** `80 (http), 9090 (metrics)`; the protocol where it is not TCP. */
export function listServicePorts(service: Service): string {
  return (service.spec.ports ?? [])
    .map((p) => `${p.port}${p.protocol && p.protocol !== 'TCP' ? `/${p.protocol}` : ''}${p.name ? ` (${p.name})` : ''}`)
    .join(', ');
}

const PROTOCOLS = new Set(['TCP', 'UDP', 'SCTP']);

/** Ports as a packet can be sent to them: a protocol that no packet has makes no port. */
function meant(port: ServicePort, index: number): MeantPort {
  return {
    protocol: nameOf(port.protocol),
    port: port.port,
    index,
    ...(port.name !== undefined && { name: port.name }),
  };
}

/** A number that the Service does not have is kept: a packet can be sent there all the same. */
export function servicePorts(service: Service, asked: AskedPort, text: string): MeantPort[] {
  if (asked.protocol === 'icmp') return [{ protocol: 'icmp', port: 0 }];
  const all = (service.spec.ports ?? [])
    .map(meant)
    .filter((_, i) => PROTOCOLS.has(service.spec.ports?.[i]?.protocol ?? 'TCP'));
  const ofProtocol = all.filter((p) => asked.protocol === undefined || p.protocol === asked.protocol);
  if (asked.port === undefined) {
    if (ofProtocol.length > 0) return ofProtocol;
    const has = all.length > 0 ? `its ports are ${listServicePorts(service)}` : 'it has no ports';
    throw new QuestionError('port-needed', `"${text}" says no port, and ${has}`, {
      mend: 'Name a port: svc/NAME:PORT.',
    });
  }
  if (typeof asked.port === 'string') {
    const named = ofProtocol.filter((p) => p.name === asked.port);
    if (named.length > 0) return named;
    throw new QuestionError(
      'unknown-port',
      `"${text}": the Service has no port named ${asked.port}; its ports are ${listServicePorts(service)}`,
      {
        mend: 'Write one of its port names or a number.',
        candidates: all.map((p) => p.name ?? String(p.port)),
      },
    );
  }
  const numbered = ofProtocol.filter((p) => p.port === asked.port);
  return numbered.length > 0 ? numbered : [{ protocol: asked.protocol ?? 'tcp', port: asked.port }];
}

/** The ports of a pod: as asked, else those its containers declare. */
export function podPorts(pod: Pod, asked: AskedPort, text: string): MeantPort[] {
  if (asked.protocol === 'icmp') return [{ protocol: 'icmp', port: 0 }];
  if (typeof asked.port === 'number') return [{ protocol: asked.protocol ?? 'tcp', port: asked.port }];
  const declared = [...containerPorts(pod)]
    .map(({ port }) => port)
    .map(
      (p): MeantPort => ({
        protocol: nameOf(p.protocol),
        port: p.containerPort,
        ...(p.name !== undefined && { name: p.name }),
      }),
    )
    .filter((p) => asked.protocol === undefined || p.protocol === asked.protocol);
  const list = declared.map((p) => (p.name ? `${p.port} (${p.name})` : String(p.port))).join(', ');
  if (asked.port !== undefined) {
    const named = declared.filter((p) => p.name === asked.port);
    if (named.length > 0) return named.slice(0, 1);
    throw new QuestionError(
      'unknown-port',
      `"${text}": no container names a port ${asked.port}${list ? `; declared are ${list}` : ''}`,
      {
        mend: 'Write a number or a name that a container declares.',
        candidates: declared.map((p) => p.name ?? String(p.port)),
      },
    );
  }
  const distinct = declared.filter(
    (p, i) => declared.findIndex((q) => q.port === p.port && q.protocol === p.protocol) === i,
  );
  if (distinct.length > 0) return distinct;
  throw new QuestionError('port-needed', `"${text}" says no port, and no container declares one`, {
    mend: 'Name a port: pod/NAME:PORT.',
  });
}

/** Ends that show no ports: the number must be asked. */
export function plainPort(asked: AskedPort, text: string, fallback?: number): MeantPort {
  if (asked.protocol === 'icmp') return { protocol: 'icmp', port: 0 };
  if (typeof asked.port === 'number') return { protocol: asked.protocol ?? 'tcp', port: asked.port };
  if (asked.port !== undefined) {
    throw new QuestionError(
      'unknown-port',
      `"${text}" names port ${asked.port}, and only Services and pods name their ports`,
      {
        mend: 'Write the number.',
      },
    );
  }
  if (fallback !== undefined) return { protocol: asked.protocol ?? 'tcp', port: fallback };
  throw new QuestionError('port-needed', `"${text}" says no port`, {
    mend: 'Name one after a colon or with --port, or ask with --icmp.',
  });
}
