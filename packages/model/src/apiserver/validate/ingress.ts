/** Ingresses and IngressClasses: pkg/apis/networking/validation/validation.go. */
import { parseIP } from '../meta/addresses.ts';
import {
  byteLength,
  isDNS1123Label,
  isDNS1123Subdomain,
  isPathSegmentName,
  isPortName,
  isPortNumber,
  isWildcardDNS1123Subdomain,
  nameIsDNSSubdomain,
  regexDetail,
} from '../meta/names.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../meta/object-meta.ts';
import type { Ingress, IngressBackend, IngressClass } from '../schema/networking.ts';
import { FieldErrors } from '../status/field-errors.ts';

const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix'];
const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';

interface Reference {
  apiGroup: string | undefined;
  kind: string;
  name: string;
}

function validateReference({ apiGroup, kind, name }: Reference, at: string, errors: FieldErrors): void {
  if (apiGroup !== undefined) errors.invalidEach(`${at}.apiGroup`, apiGroup, isDNS1123Subdomain(apiGroup));
  if (kind === '') errors.required(`${at}.kind`);
  else errors.invalidEach(`${at}.kind`, kind, isPathSegmentName(kind));
  if (name === '') errors.required(`${at}.name`);
  else errors.invalidEach(`${at}.name`, name, isPathSegmentName(name));
}

function validateService(service: NonNullable<IngressBackend['service']>, at: string, errors: FieldErrors): void {
  const { name, port } = service;
  if (name === '') errors.required(`${at}.service.name`);
  else errors.invalidEach(`${at}.service.name`, name, isDNS1123Label(name));
  if (port.name !== '' && port.number !== 0) errors.invalid(at, '', 'cannot set both port name & port number');
  else if (port.name !== '') errors.invalidEach(`${at}.service.port.name`, port.name, isPortName(port.name));
  else if (port.number !== 0) errors.invalidEach(`${at}.service.port.number`, port.number, isPortNumber(port.number));
  else errors.required(at, 'port name or number is required');
}

function validateBackend({ service, resource }: IngressBackend, at: string, errors: FieldErrors): void {
  if (resource !== undefined && service !== undefined)
    errors.invalid(at, '', 'cannot set both resource and service backends');
  else if (resource !== undefined) validateReference(resource, `${at}.resource`, errors);
  else if (service !== undefined) validateService(service, at, errors);
  else errors.invalid(at, '', 'resource or service backend is required');
}

type Rule = NonNullable<Ingress['spec']['rules']>[number];
type Path = NonNullable<NonNullable<Rule['http']>['paths']>[number];

const NOT_IN_PATHS = ['//', '/./', '/../', '%2f', '%2F'];
const NOT_AT_ENDS = ['/..', '/.'];

function validatePath({ path, pathType, backend }: Path, at: string, errors: FieldErrors): void {
  if (pathType === undefined) {
    errors.required(`${at}.pathType`, 'pathType must be specified');
    return;
  }
  const isExact = pathType === 'Exact' || pathType === 'Prefix';
  if (!PATH_TYPES.includes(pathType)) errors.notSupported(`${at}.pathType`, pathType, PATH_TYPES);
  else if (!path.startsWith('/') && (isExact || path !== ''))
    errors.invalid(`${at}.path`, path, 'must be an absolute path');
  if (isExact) {
    for (const part of NOT_IN_PATHS)
      if (path.includes(part)) errors.invalid(`${at}.path`, path, `must not contain '${part}'`);
    for (const end of NOT_AT_ENDS)
      if (path.endsWith(end)) errors.invalid(`${at}.path`, path, `cannot end with '${end}'`);
  }
  validateBackend(backend, `${at}.backend`, errors);
}

function validateHost(host: string, at: string, errors: FieldErrors): void {
  errors.invalidEach(at, host, host.includes('*') ? isWildcardDNS1123Subdomain(host) : isDNS1123Subdomain(host));
}

function validatePaths({ http }: Rule, at: string, errors: FieldErrors): void {
  if (http === undefined) return;
  const paths = http.paths ?? [];
  if (paths.length === 0) errors.required(`${at}.http.paths`);
  for (const [index, path] of paths.entries()) validatePath(path, `${at}.http.paths[${index}]`, errors);
}

/** What an update may keep, although a new Ingress might not have it. */
interface Leniency {
  secretNames: boolean;
  wildcardRules: boolean;
}

function validateSpec({ spec }: Ingress, leniency: Leniency, errors: FieldErrors): void {
  const { rules = [], defaultBackend, tls = [], ingressClassName } = spec;
  if (rules.length === 0 && defaultBackend === undefined)
    errors.invalid('spec', spec.rules, 'either `defaultBackend` or `rules` must be specified');
  if (defaultBackend !== undefined) validateBackend(defaultBackend, 'spec.defaultBackend', errors);
  for (const [index, rule] of rules.entries()) {
    const at = `spec.rules[${index}]`;
    if (rule.host !== '') {
      if (parseIP(rule.host) !== undefined)
        errors.invalid(`${at}.host`, rule.host, 'must be a DNS name, not an IP address');
      validateHost(rule.host, `${at}.host`, errors);
    }
    if (!rule.host.includes('*') || !leniency.wildcardRules) validatePaths(rule, at, errors);
  }
  for (const [index, { hosts, secretName }] of tls.entries()) {
    const at = `spec.tls[${index}]`;
    for (const [i, host] of (hosts ?? []).entries()) validateHost(host, `${at}.hosts[${i}]`, errors);
    if (secretName !== '' && !leniency.secretNames)
      errors.invalidEach(`${at}.secretName`, secretName, isDNS1123Subdomain(secretName));
  }
  if (ingressClassName !== undefined)
    errors.invalidEach('spec.ingressClassName', ingressClassName, isDNS1123Subdomain(ingressClassName));
}

export function validateIngress(ingress: Ingress, errors: FieldErrors): void {
  const { metadata, spec } = ingress;
  validateObjectMeta(metadata, true, nameIsDNSSubdomain, errors);
  validateSpec(ingress, { secretNames: false, wildcardRules: false }, errors);
  const annotation = metadata.annotations?.[CLASS_ANNOTATION];
  if (annotation !== undefined && spec.ingressClassName !== undefined && annotation !== spec.ingressClassName) {
    const detail = 'must match `ingressClassName` when both are specified';
    errors.invalid(`annotations.${CLASS_ANNOTATION}`, annotation, detail);
  }
}

function hasWrongWildcardRule({ spec }: Ingress): boolean {
  const errors = new FieldErrors();
  for (const rule of spec.rules ?? []) if (rule.host.includes('*')) validatePaths(rule, '', errors);
  return errors.list.length > 0;
}

export function validateIngressUpdate(ingress: Ingress, before: Ingress, errors: FieldErrors): void {
  validateObjectMetaUpdate(ingress.metadata, before.metadata, errors);
  const names = (before.spec.tls ?? []).map(({ secretName }) => secretName);
  const secretNames = names.some((name) => name !== '' && isDNS1123Subdomain(name).length > 0);
  validateObjectMeta(ingress.metadata, true, nameIsDNSSubdomain, errors);
  validateSpec(ingress, { secretNames, wildcardRules: hasWrongWildcardRule(before) }, errors);
}

const CONTROLLER_BYTES = 250;
const HTTP_PATH = `[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+`;

/** apimachinery/pkg/util/validation:IsDomainPrefixedPath(). */
function validateController(controller: string, errors: FieldErrors): void {
  const at = 'spec.controller';
  if (byteLength(controller) > CONTROLLER_BYTES) errors.tooLong(at, CONTROLLER_BYTES);
  if (controller === '') {
    errors.required(at);
    return;
  }
  const [, host = '', path = ''] = /^([^/]*)\/(.*)$/s.exec(controller) ?? [];
  if (host === '' || path === '') {
    errors.invalid(at, controller, 'must be a domain-prefixed path (such as "acme.io/foo")');
    return;
  }
  errors.invalidEach(at, host, isDNS1123Subdomain(host));
  if (!new RegExp(`^${HTTP_PATH}$`).test(path)) errors.invalid(at, path, regexDetail('Invalid path', HTTP_PATH));
}

function validateParameters(parameters: NonNullable<IngressClass['spec']['parameters']>, errors: FieldErrors): void {
  const at = 'spec.parameters';
  validateReference(parameters, at, errors);
  const { scope, namespace } = parameters;
  if (scope === undefined) errors.required(`${at}.scope`);
  else if (scope !== 'Cluster' && scope !== 'Namespace')
    errors.notSupported(`${at}.scope`, scope, ['Cluster', 'Namespace']);
  else if (scope === 'Cluster') {
    if (namespace !== undefined) errors.forbidden(`${at}.namespace`, "`parameters.scope` is set to 'Cluster'");
  } else if (namespace === undefined) errors.required(`${at}.namespace`, "`parameters.scope` is set to 'Namespace'");
  else errors.invalidEach(`${at}.namespace`, namespace, isDNS1123Label(namespace));
}

export function validateIngressClass({ metadata, spec }: IngressClass, errors: FieldErrors): void {
  validateObjectMeta(metadata, false, nameIsDNSSubdomain, errors);
  validateController(spec.controller, errors);
  if (spec.parameters !== undefined) validateParameters(spec.parameters, errors);
}

export function validateIngressClassUpdate(
  ingressClass: IngressClass,
  before: IngressClass,
  errors: FieldErrors,
): void {
  validateObjectMetaUpdate(ingressClass.metadata, before.metadata, errors);
  const { controller } = ingressClass.spec;
  errors.immutable('spec.controller', controller, controller === before.spec.controller);
  validateIngressClass(ingressClass, errors);
}
