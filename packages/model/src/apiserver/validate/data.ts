/** ConfigMaps, Secrets and ServiceAccounts: pkg/apis/core/validation/validation.go. */
import { isEqual } from '../meta/generation.ts';
import { byteLength, isConfigMapKey, nameIsDNSSubdomain } from '../meta/names.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../meta/object-meta.ts';
import type { ConfigMap, Secret, ServiceAccount } from '../schema/core-others.ts';
import type { FieldErrors } from '../status/field-errors.ts';

/** core/v1:MaxSecretSize. */
const BYTES_MAX = 1024 * 1024;

/** Of base64. */
function decodedLength(text: string | undefined): number {
  return Math.floor(((text ?? '').replace(/=+$/, '').length * 3) / 4);
}

function sorted<T>(map: Record<string, T> | undefined): [string, T][] {
  return Object.entries(map ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
}

export function validateConfigMap({ metadata, data, binaryData }: ConfigMap, errors: FieldErrors): void {
  validateObjectMeta(metadata, true, nameIsDNSSubdomain, errors);
  let bytes = 0;
  for (const [key, value] of sorted(data)) {
    errors.invalidEach(`data[${key}]`, key, isConfigMapKey(key));
    if (key in (binaryData ?? {})) errors.invalid(`data[${key}]`, key, 'duplicate of key present in binaryData');
    bytes += byteLength(value);
  }
  for (const [key, value] of sorted(binaryData)) {
    errors.invalidEach(`binaryData[${key}]`, key, isConfigMapKey(key));
    bytes += decodedLength(value);
  }
  if (bytes > BYTES_MAX) errors.tooLong('', BYTES_MAX);
}

const FIXED = 'field is immutable when `immutable` is set';

export function validateConfigMapUpdate(map: ConfigMap, before: ConfigMap, errors: FieldErrors): void {
  validateObjectMetaUpdate(map.metadata, before.metadata, errors);
  if (before.immutable === true) {
    if (map.immutable !== true) errors.forbidden('immutable', FIXED);
    if (!isEqual(map.data, before.data)) errors.forbidden('data', FIXED);
    if (!isEqual(map.binaryData, before.binaryData)) errors.forbidden('binaryData', FIXED);
  }
  validateConfigMap(map, errors);
}

/** What encoding/json says of a text that should be an object. */
function jsonFault(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (value === null || (typeof value === 'object' && !Array.isArray(value))) return undefined;
    const found = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
    return `json: cannot unmarshal ${found} into Go value of type map[string]interface {}`;
  } catch {
    const [first] = text.trimStart();
    if (first === undefined) return 'unexpected end of JSON input';
    return /[[{"\d-]/.test(first)
      ? 'unexpected end of JSON input'
      : `invalid character '${first}' looking for beginning of value`;
  }
}

/** Keys that a Secret of a type must have, each with what is checked of its content. */
function validateType({ type, data = {}, metadata }: Secret, errors: FieldErrors): void {
  const account = 'kubernetes.io/service-account.name';
  const needs = (key: string) => errors.required(`data[${key}]`);
  const config = { 'kubernetes.io/dockercfg': '.dockercfg', 'kubernetes.io/dockerconfigjson': '.dockerconfigjson' }[
    type
  ];
  if (config !== undefined) {
    if (!(config in data)) needs(config);
    else {
      const fault = jsonFault(
        new TextDecoder().decode(Uint8Array.from(atob(data[config] ?? ''), (c) => c.charCodeAt(0))),
      );
      if (fault !== undefined) errors.invalid(`data[${config}]`, '<secret contents redacted>', fault);
    }
  } else if (type === 'kubernetes.io/service-account-token') {
    if (!metadata.annotations?.[account]) errors.required(`metadata.annotations[${account}]`);
  } else if (type === 'kubernetes.io/basic-auth') {
    if (!('username' in data) && !('password' in data)) for (const key of ['username', 'password']) needs(key);
  } else if (type === 'kubernetes.io/ssh-auth') {
    if (!data['ssh-privatekey']) needs('ssh-privatekey');
  } else if (type === 'kubernetes.io/tls') {
    for (const key of ['tls.crt', 'tls.key']) if (!(key in data)) needs(key);
  }
}

export function validateSecret(secret: Secret, errors: FieldErrors): void {
  validateObjectMeta(secret.metadata, true, nameIsDNSSubdomain, errors);
  let bytes = 0;
  for (const [key, value] of sorted(secret.data)) {
    errors.invalidEach(`data[${key}]`, key, isConfigMapKey(key));
    bytes += decodedLength(value);
  }
  if (bytes > BYTES_MAX) errors.tooLong('data', BYTES_MAX);
  validateType(secret, errors);
}

export function validateSecretUpdate(secret: Secret, before: Secret, errors: FieldErrors): void {
  validateObjectMetaUpdate(secret.metadata, before.metadata, errors);
  errors.immutable('type', secret.type, secret.type === before.type);
  if (before.immutable === true) {
    if (secret.immutable !== true) errors.forbidden('immutable', FIXED);
    if (!isEqual(secret.data, before.data)) errors.forbidden('data', FIXED);
  }
  validateSecret(secret, errors);
}

export function validateServiceAccount({ metadata }: ServiceAccount, errors: FieldErrors): void {
  validateObjectMeta(metadata, true, nameIsDNSSubdomain, errors);
}

export function validateServiceAccountUpdate(
  account: ServiceAccount,
  before: ServiceAccount,
  errors: FieldErrors,
): void {
  validateObjectMetaUpdate(account.metadata, before.metadata, errors);
  validateServiceAccount(account, errors);
}
