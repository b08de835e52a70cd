import { parseAddress } from '@podwire/engine';
import { parseCIDR } from '../net/cidr.ts';
import type { Problem } from '../problem.ts';
import { suggest } from './suggest.ts';

export type Path = readonly (string | number)[];

/** What the API server would refuse in one object: a `Problem` before anyone knows file and line. */
export interface Finding {
  severity: Problem['severity'];
  code: string;
  path: Path;
  message: string;
  mend?: string;
}

/** IANA service names, as ports must be called in containers and policies (apimachinery/pkg/util/validation, `IsValidPortName`). */
function portNameFault(name: string): string | undefined {
  if (name.length > 15) return 'has more than 15 characters';
  if (!/^[a-z0-9-]+$/.test(name)) return 'may only have a-z, 0-9 and -';
  if (!/[a-z]/.test(name)) return 'must have a letter';
  return /^-|--|-$/.test(name) ? 'may neither begin nor end with - nor have two in a row' : undefined;
}

const label = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

const labelText = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;

/** Collects what is wrong with one object. The rules are those of pkg/apis/core/validation/validation.go unless a check says otherwise. */
export class Findings {
  readonly list: Finding[] = [];

  add(path: Path, code: string, message: string, mend?: string): void {
    this.list.push({ severity: 'error', code, path, message, ...(mend === undefined ? {} : { mend }) });
  }

  /** What the server refuses only under strict field validation, as kubectl asks for it. */
  warn(path: Path, code: string, message: string, mend: string): void {
    this.list.push({ severity: 'warning', code, path, message, mend });
  }

  /** A field that only takes certain words; the empty one counts as not written. */
  word(path: Path, value: string | undefined, allowed: readonly string[]): void {
    if (value === undefined || value === '' || allowed.includes(value)) return;
    const [near] = suggest(value, allowed, (word) => word, 1);
    const mend = near === undefined ? `Write ${allowed.join(', ')}.` : `Did you mean ${near}?`;
    this.add(path, 'unknown-value', `${JSON.stringify(value)} is none of ${allowed.join(', ')}`, mend);
  }

  port(path: Path, value: number | string | undefined): void {
    if (typeof value === 'string') this.portName(path, value);
    else if (value !== undefined && (value < 1 || value > 65535)) {
      this.add(path, 'bad-port', `${value} is no port`, 'Write a number from 1 to 65535.');
    }
  }

  portName(path: Path, name: string): void {
    const fault = portNameFault(name);
    if (fault === undefined) return;
    const mend = /^\d+$/.test(name) ? 'Take the quotes off.' : 'Rename it, here and where it is used.';
    this.add(path, 'bad-name', `the port name ${JSON.stringify(name)} ${fault}`, mend);
  }

  /** A name that becomes part of a DNS name (RFC 1123, section 2.1). */
  label(path: Path, name: string | undefined): void {
    if (name === undefined || name === '' || (label.test(name) && name.length <= 63)) return;
    this.add(
      path,
      'bad-name',
      `${JSON.stringify(name)} is no DNS label`,
      'Use at most 63 of a-z, 0-9 and -, not - at either end.',
    );
  }

  /** What most objects are called: DNS labels with dots between them. */
  subdomain(path: Path, name: string): void {
    if (name === '' || (name.length <= 253 && name.split('.').every((part) => label.test(part)))) return;
    const message = `${JSON.stringify(name)} is no DNS name`;
    this.add(path, 'bad-name', message, 'Use at most 253 of a-z, 0-9, - and dots, letters or digits at either end.');
  }

  /** Keys and values of labels, or of what selects by them (apimachinery/pkg/apis/meta/v1/validation). */
  labels(path: Path, labels: Readonly<Record<string, unknown>> | undefined): void {
    for (const [key, value] of Object.entries(labels ?? {})) {
      const [name = '', prefix, ...rest] = key.split('/').reverse();
      const isKey = labelText.test(name) && name.length <= 63 && rest.length === 0 && prefix !== '';
      if (!isKey)
        this.add(
          [...path, key],
          'bad-label',
          `${JSON.stringify(key)} is no label key`,
          'Use letters, digits, -, _ and dots.',
        );
      if (typeof value === 'string') this.labelValue([...path, key], value);
    }
  }

  labelValue(path: Path, value: string): void {
    if (value === '' || (labelText.test(value) && value.length <= 63)) return;
    const message = `${JSON.stringify(value)} is no label value`;
    this.add(
      path,
      'bad-label',
      message,
      'Use at most 63 letters, digits, -, _ and dots, letters or digits at either end.',
    );
  }

  address(path: Path, text: string): void {
    const address = parseAddress(text);
    if (address === undefined) {
      const mend =
        parseCIDR(text) === undefined
          ? 'Write an address such as 192.0.2.1 or 2001:db8::1.'
          : 'Leave out the prefix length.';
      this.add(path, 'bad-address', `${JSON.stringify(text)} is no IP address`, mend);
    }
  }

  /** Fields or values that exclude each other. */
  contradiction(path: Path, message: string, mend: string): void {
    this.add(path, 'contradiction', message, mend);
  }
}
