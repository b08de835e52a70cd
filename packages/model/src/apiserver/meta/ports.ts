/** Ports, as several kinds write them. */
import type { FieldErrors } from '../status/field-errors.ts';
import { isPortName, isPortNumber } from './names.ts';

/** core/validation:supportedPortProtocols, sorted as messages list them. */
export const PROTOCOLS: readonly string[] = ['SCTP', 'TCP', 'UDP'];

/** validation.go:ValidatePortNumOrName(). */
export function validatePortNumberOrName(port: number | string, field: string, errors: FieldErrors): void {
  errors.invalidEach(field, port, typeof port === 'number' ? isPortNumber(port) : isPortName(port));
}
