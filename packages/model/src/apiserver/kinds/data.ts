/** ConfigMaps, Secrets and ServiceAccounts. */
import {
  type ConfigMap,
  configMap,
  type Secret,
  type ServiceAccount,
  secret,
  serviceAccount,
} from '../schema/core-others.ts';
import {
  validateConfigMap,
  validateConfigMapUpdate,
  validateSecret,
  validateSecretUpdate,
  validateServiceAccount,
  validateServiceAccountUpdate,
} from '../validate/data.ts';
import type { KindRules } from './kind-rules.ts';

export const configMaps: KindRules<ConfigMap> = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  type: configMap,
  validate: validateConfigMap,
  validateUpdate: validateConfigMapUpdate,
};

function toBase64(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(''));
}

export const secrets: KindRules<Secret> = {
  apiVersion: 'v1',
  kind: 'Secret',
  type: secret,
  /** SetDefaults_Secret(), and core/v1/conversion.go: plain text overwrites what is encoded. */
  setDefaults(draft) {
    draft.type ||= 'Opaque';
    const plain = Object.entries(draft.stringData ?? {}).map(([key, value]) => [key, toBase64(value)]);
    if (plain.length > 0) draft.data = { ...draft.data, ...Object.fromEntries(plain) };
    draft.stringData = undefined;
  },
  validate: validateSecret,
  validateUpdate: validateSecretUpdate,
};

/** cleanSecretReferences(): of each Secret the name alone. */
function nameSecrets({ secrets: references }: ServiceAccount): void {
  for (const reference of references ?? []) {
    const { name } = reference;
    Object.assign(reference, {
      kind: '',
      namespace: '',
      uid: '',
      apiVersion: '',
      resourceVersion: '',
      fieldPath: '',
      name,
    });
  }
}

export const serviceAccounts: KindRules<ServiceAccount> = {
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  type: serviceAccount,
  prepareForCreate: nameSecrets,
  prepareForUpdate: nameSecrets,
  validate: validateServiceAccount,
  validateUpdate: validateServiceAccountUpdate,
};
