/** The types of the fields that podwire reads, kind by kind, as in the API's own schema. Fields not listed are not looked at. */
import type { Shape } from './conform.ts';

const strings: Shape = { list: 'string' };
const stringMap: Shape = { map: 'string' };

const metadata: Shape = {
  fields: {
    name: 'string',
    namespace: 'string',
    generateName: 'string',
    uid: 'string',
    labels: stringMap,
    annotations: stringMap,
    ownerReferences: {
      list: {
        fields: { kind: 'string', name: 'string', uid: 'string', controller: 'boolean' },
        required: ['kind', 'name'],
      },
    },
    // YAML readers may hand a timestamp over as a date.
    deletionTimestamp: 'any',
  },
};

const labelSelector: Shape = {
  fields: {
    matchLabels: stringMap,
    matchExpressions: {
      list: { fields: { key: 'string', operator: 'string', values: strings }, required: ['key', 'operator'] },
    },
  },
};

const nodeSelectorTerms: Shape = {
  list: {
    fields: {
      matchExpressions: {
        list: { fields: { key: 'string', operator: 'string', values: strings }, required: ['key', 'operator'] },
      },
      matchFields: {
        list: { fields: { key: 'string', operator: 'string', values: strings }, required: ['key', 'operator'] },
      },
    },
  },
};

const podAffinityTerms: Shape = {
  fields: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      list: {
        fields: { labelSelector, topologyKey: 'string', namespaces: strings, namespaceSelector: labelSelector },
        required: ['topologyKey'],
      },
    },
  },
};

const keyRef: Shape = { fields: { name: 'string', key: 'string', optional: 'boolean' }, required: ['key'] };

const envSource: Shape = {
  fields: {
    fieldRef: { fields: { apiVersion: 'string', fieldPath: 'string' }, required: ['fieldPath'] },
    resourceFieldRef: {
      fields: { containerName: 'string', resource: 'string', divisor: 'quantity' },
      required: ['resource'],
    },
    configMapKeyRef: keyRef,
    secretKeyRef: keyRef,
    fileKeyRef: {
      fields: { volumeName: 'string', path: 'string', key: 'string', optional: 'boolean' },
      required: ['key'],
    },
  },
};

const containers: Shape = {
  list: {
    fields: {
      name: 'string',
      image: 'string',
      command: strings,
      args: strings,
      restartPolicy: 'string',
      ports: {
        list: {
          fields: {
            name: 'string',
            containerPort: 'integer',
            protocol: 'string',
            hostPort: 'integer',
            hostIP: 'string',
          },
          required: ['containerPort'],
        },
      },
      env: { list: { fields: { name: 'string', value: 'string', valueFrom: envSource }, required: ['name'] } },
      envFrom: {
        list: {
          fields: {
            prefix: 'string',
            configMapRef: { fields: { name: 'string', optional: 'boolean' } },
            secretRef: { fields: { name: 'string', optional: 'boolean' } },
          },
        },
      },
      readinessProbe: 'any',
      resources: { fields: { requests: { map: 'quantity' }, limits: { map: 'quantity' } } },
    },
  },
};

const podSpec: Shape = {
  fields: {
    containers,
    initContainers: containers,
    nodeName: 'string',
    nodeSelector: stringMap,
    affinity: {
      fields: {
        nodeAffinity: {
          fields: { requiredDuringSchedulingIgnoredDuringExecution: { fields: { nodeSelectorTerms } } },
        },
        podAffinity: podAffinityTerms,
        podAntiAffinity: podAffinityTerms,
      },
    },
    tolerations: { list: { fields: { key: 'string', operator: 'string', value: 'string', effect: 'string' } } },
    hostNetwork: 'boolean',
    hostname: 'string',
    subdomain: 'string',
    hostAliases: { list: { fields: { ip: 'string', hostnames: strings }, required: ['ip'] } },
    enableServiceLinks: 'boolean',
    shareProcessNamespace: 'boolean',
    hostPID: 'boolean',
    restartPolicy: 'string',
    serviceAccountName: 'string',
    dnsPolicy: 'string',
    dnsConfig: {
      fields: {
        nameservers: strings,
        searches: strings,
        options: { list: { fields: { name: 'string', value: 'string' }, required: ['name'] } },
      },
    },
    readinessGates: { list: { fields: { conditionType: 'string' }, required: ['conditionType'] } },
  },
};

const conditions: Shape = {
  list: {
    fields: { type: 'string', status: 'string', reason: 'string', message: 'string' },
    required: ['type', 'status'],
  },
};

const podTemplate: Shape = { fields: { metadata, spec: podSpec } };
const ips: Shape = { list: { fields: { ip: 'string' }, required: ['ip'] } };

const pod: Shape = {
  fields: {
    metadata,
    spec: podSpec,
    status: { fields: { phase: 'string', podIP: 'string', podIPs: ips, hostIP: 'string', hostIPs: ips, conditions } },
  },
};

const node: Shape = {
  fields: {
    metadata,
    spec: {
      fields: {
        podCIDR: 'string',
        podCIDRs: strings,
        unschedulable: 'boolean',
        providerID: 'string',
        taints: { list: { fields: { key: 'string', value: 'string', effect: 'string' }, required: ['key', 'effect'] } },
      },
    },
    status: {
      fields: {
        addresses: { list: { fields: { type: 'string', address: 'string' }, required: ['type', 'address'] } },
        allocatable: { map: 'quantity' },
        conditions,
        nodeInfo: { fields: { kubeletVersion: 'string', containerRuntimeVersion: 'string', osImage: 'string' } },
      },
    },
  },
};

const service: Shape = {
  fields: {
    metadata,
    spec: {
      fields: {
        type: 'string',
        selector: stringMap,
        ports: {
          list: {
            fields: {
              name: 'string',
              protocol: 'string',
              port: 'integer',
              targetPort: 'integer-or-string',
              nodePort: 'integer',
              appProtocol: 'string',
            },
            required: ['port'],
          },
        },
        clusterIP: 'string',
        clusterIPs: strings,
        ipFamilies: strings,
        ipFamilyPolicy: 'string',
        externalIPs: strings,
        externalName: 'string',
        loadBalancerIP: 'string',
        loadBalancerClass: 'string',
        loadBalancerSourceRanges: strings,
        externalTrafficPolicy: 'string',
        internalTrafficPolicy: 'string',
        trafficDistribution: 'string',
        sessionAffinity: 'string',
        sessionAffinityConfig: { fields: { clientIP: { fields: { timeoutSeconds: 'integer' } } } },
        healthCheckNodePort: 'integer',
        publishNotReadyAddresses: 'boolean',
        allocateLoadBalancerNodePorts: 'boolean',
      },
    },
    status: {
      fields: {
        loadBalancer: {
          fields: { ingress: { list: { fields: { ip: 'string', hostname: 'string', ipMode: 'string' } } } },
        },
      },
    },
  },
};

const targetRef: Shape = { fields: { kind: 'string', namespace: 'string', name: 'string', uid: 'string' } };
const hintNames: Shape = { list: { fields: { name: 'string' }, required: ['name'] } };

const endpointSlice: Shape = {
  fields: {
    metadata,
    addressType: 'string',
    endpoints: {
      list: {
        fields: {
          addresses: strings,
          conditions: { fields: { ready: 'boolean', serving: 'boolean', terminating: 'boolean' } },
          hostname: 'string',
          nodeName: 'string',
          zone: 'string',
          targetRef,
          hints: { fields: { forZones: hintNames, forNodes: hintNames } },
        },
        required: ['addresses'],
      },
    },
    ports: { list: { fields: { name: 'string', protocol: 'string', port: 'integer', appProtocol: 'string' } } },
  },
  required: ['addressType'],
};

const endpointAddresses: Shape = {
  list: { fields: { ip: 'string', hostname: 'string', nodeName: 'string', targetRef }, required: ['ip'] },
};

const endpoints: Shape = {
  fields: {
    metadata,
    subsets: {
      list: {
        fields: {
          addresses: endpointAddresses,
          notReadyAddresses: endpointAddresses,
          ports: { list: { fields: { name: 'string', protocol: 'string', port: 'integer' }, required: ['port'] } },
        },
      },
    },
  },
};

function workload(selector: Shape): Shape {
  return {
    fields: {
      metadata,
      spec: {
        fields: {
          replicas: 'integer',
          selector,
          template: podTemplate,
          serviceName: 'string',
          podManagementPolicy: 'string',
          parallelism: 'integer',
          completions: 'integer',
          suspend: 'boolean',
          ordinals: { fields: { start: 'integer' } },
          jobTemplate: { fields: { spec: { fields: { template: podTemplate, parallelism: 'integer' } } } },
        },
      },
    },
  };
}

const controller = workload(labelSelector);

/** By kind. */
export const SHAPES: Readonly<Record<string, Shape>> = {
  Pod: pod,
  Node: node,
  Namespace: { fields: { metadata } },
  Service: service,
  EndpointSlice: endpointSlice,
  Endpoints: endpoints,
  Deployment: controller,
  ReplicaSet: controller,
  StatefulSet: controller,
  DaemonSet: controller,
  Job: controller,
  CronJob: controller,
  ReplicationController: workload(stringMap),
  ConfigMap: { fields: { metadata, data: stringMap } },
  NetworkPolicy: {
    fields: {
      metadata,
      spec: {
        fields: { podSelector: labelSelector, policyTypes: strings, ingress: { list: 'any' }, egress: { list: 'any' } },
      },
    },
  },
  HorizontalPodAutoscaler: {
    fields: {
      metadata,
      spec: {
        fields: {
          minReplicas: 'integer',
          maxReplicas: 'integer',
          scaleTargetRef: { fields: { kind: 'string', name: 'string' }, required: ['kind', 'name'] },
        },
      },
    },
  },
};
