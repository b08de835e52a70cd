/**
 * Which names and words the server takes, and what it says of others (apimachinery/pkg/util/validation and pkg/api/validate/content). Each
 * check returns its complaints; none: the value is fine.
 */

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const QUALIFIED = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';

const LABEL_LENGTH = 63;
const SUBDOMAIN_LENGTH = 253;

const whole = (expression: string): RegExp => new RegExp(`^(?:${expression})$`);
const label = whole(LABEL);
const subdomain = whole(SUBDOMAIN);
const wildcard = whole(`\\*\\.${SUBDOMAIN}`);
const qualified = whole(QUALIFIED);
const labelValue = whole(`(${QUALIFIED})?`);

/** Lengths count bytes. */
export function byteLength(value: string): number {
  return new TextEncoder().encode(value).length;
}

export function regexDetail(what: string, expression: string, ...examples: string[]): string {
  const tail = `regex used for validation is '${expression}')`;
  if (examples.length === 0) return `${what} (${tail}`;
  return `${what} (e.g. ${examples.map((example) => `'${example}', `).join(' or ')}${tail}`;
}

function longerThan(value: string, most: number): string[] {
  return byteLength(value) > most ? [`must be no more than ${most} characters`] : [];
}

const LABEL_DETAIL = regexDetail(
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
  LABEL,
  'my-name',
  '123-abc',
);

export function isDNS1123Label(value: string): string[] {
  const long = longerThan(value, LABEL_LENGTH);
  if (label.test(value)) return long;
  return [...long, subdomain.test(value) ? 'must not contain dots' : LABEL_DETAIL];
}

const SUBDOMAIN_DETAIL = regexDetail(
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
  SUBDOMAIN,
  'example.com',
);

export function isDNS1123Subdomain(value: string): string[] {
  const long = longerThan(value, SUBDOMAIN_LENGTH);
  return subdomain.test(value) ? long : [...long, SUBDOMAIN_DETAIL];
}

export function isWildcardDNS1123Subdomain(value: string): string[] {
  const long = longerThan(value, SUBDOMAIN_LENGTH);
  if (wildcard.test(value)) return long;
  const what =
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
  return [...long, regexDetail(what, `\\*\\.${SUBDOMAIN}`, '*.example.com')];
}

const KEY_WHAT =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const KEY_DETAIL = regexDetail(KEY_WHAT, QUALIFIED, 'MyName', 'my.name', '123-abc');

/** The details of content.IsDNS1123Subdomain(), which count bytes by name. */
function prefixDetails(prefix: string): string[] {
  if (prefix === '') return ['must be non-empty'];
  const long = byteLength(prefix) > SUBDOMAIN_LENGTH ? [`must be no more than ${SUBDOMAIN_LENGTH} bytes`] : [];
  return subdomain.test(prefix) ? long : [...long, SUBDOMAIN_DETAIL];
}

/** Keys of labels and annotations: `example.com/name`. */
export function isQualifiedName(value: string): string[] {
  const parts = value.split('/');
  const name = parts.at(-1) as string;
  if (parts.length > 2) {
    return [
      `a valid label key ${KEY_DETAIL} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const details = parts.length === 2 ? prefixDetails(parts[0] as string).map((detail) => `prefix part ${detail}`) : [];
  if (name === '') details.push('name part must be non-empty');
  else if (byteLength(name) > LABEL_LENGTH) details.push(`name part must be no more than ${LABEL_LENGTH} bytes`);
  if (!qualified.test(name)) details.push(`name part ${KEY_DETAIL}`);
  return details;
}

export function isLabelValue(value: string): string[] {
  const long = byteLength(value) > LABEL_LENGTH ? [`must be no more than ${LABEL_LENGTH} bytes`] : [];
  if (labelValue.test(value)) return long;
  const what =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
  return [...long, regexDetail(what, `(${QUALIFIED})?`, 'MyValue', 'my_value', '12345')];
}

/** What may stand as one part of a URL. */
export function isPathSegmentName(value: string): string[] {
  if (/^\.\.?$/.test(value)) return [`may not be '${value}'`];
  return ['/', '%'].filter((part) => value.includes(part)).map((part) => `may not contain '${part}'`);
}

function isPathSegmentPrefix(value: string): string[] {
  return ['/', '%'].filter((part) => value.includes(part)).map((part) => `may not contain '${part}'`);
}

function isInRange(value: number, from: number, to: number): string[] {
  return value >= from && value <= to ? [] : [`must be between ${from} and ${to}, inclusive`];
}

export function isPortNumber(value: number): string[] {
  return isInRange(value, 1, 65535);
}

/** IANA service names, as container ports must be called. */
export function isPortName(value: string): string[] {
  const details = longerThan(value, 15);
  if (!/^[-a-z0-9]+$/.test(value)) {
    details.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  }
  if (!/[a-z]/.test(value)) details.push('must contain at least one letter (a-z)');
  if (value.includes('--')) details.push('must not contain consecutive hyphens');
  if (/^-|-$/.test(value)) details.push('must not begin or end with a hyphen');
  return details;
}

/** A name for what is created; `prefix`: something will be appended to it. */
export type NameRule = (name: string, prefix: boolean) => string[];

/** apimachinery/pkg/api/validation/generic.go:maskTrailingDash(), with the character that it drops. */
function masked(name: string, prefix: boolean): string {
  return prefix && name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name;
}

export const nameIsDNSLabel: NameRule = (name, prefix) => isDNS1123Label(masked(name, prefix));
export const nameIsDNSSubdomain: NameRule = (name, prefix) => isDNS1123Subdomain(masked(name, prefix));
export const nameIsPathSegment: NameRule = (name, prefix) =>
  prefix ? isPathSegmentPrefix(name) : isPathSegmentName(name);

/** IsFullyQualifiedDomainName(): the first complaint, and the part that it is about; an empty detail means that a value is required. */
export function isFullyQualifiedDomainName(value: string): { value: string; detail: string }[] {
  if (value === '') return [{ value, detail: '' }];
  const name = value.replace(/\.$/, '');
  const details = isDNS1123Subdomain(name);
  if (details.length > 0) return [{ value: name, detail: details.join(',') }];
  const labels = name.split('.');
  if (labels.length < 2)
    return [{ value: name, detail: 'should be a domain with at least two segments separated by dots' }];
  const wrong = labels.find((part) => isDNS1123Label(part).length > 0);
  return wrong === undefined ? [] : [{ value: wrong, detail: isDNS1123Label(wrong).join(',') }];
}

/** Keys of ConfigMaps and Secrets, which become names of files. */
export function isConfigMapKey(value: string): string[] {
  const details = longerThan(value, SUBDOMAIN_LENGTH);
  const expression = '[-._a-zA-Z0-9]+';
  if (!whole(expression).test(value)) {
    const what = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
    details.push(regexDetail(what, expression, 'key.name', 'KEY_NAME', 'key-name'));
  }
  if (/^\.\.?$/.test(value)) details.push(`must not be '${value}'`);
  else if (/^\.\./.test(value)) details.push("must not start with '..'");
  return details;
}
