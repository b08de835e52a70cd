import { readFileSync } from 'node:fs';

/** A case that fails for a reason we stand by. It is found by its kind, its id and its variant, never by where its suite lies. */
export interface LedgerEntry {
  kind: string;
  id: string;
  variant?: string;
  reason: string;
}

export class Ledger {
  readonly #entries: ReadonlySet<string>;

  constructor(entries: readonly LedgerEntry[]) {
    this.#entries = new Set(entries.map((entry) => key(entry.kind, entry.id, entry.variant)));
  }

  has(kind: string, id: string, variant: string | undefined): boolean {
    return this.#entries.has(key(kind, id, variant));
  }
}

function key(kind: string, id: string, variant = ''): string {
  return JSON.stringify([kind, variant, id]);
}

function isEntry(value: unknown): value is LedgerEntry {
  if (typeof value !== 'object' || value === null) return false;
  const entry = value as Record<string, unknown>;
  const variantFits = entry.variant === undefined || typeof entry.variant === 'string';
  return variantFits && [entry.kind, entry.id, entry.reason].every((part) => typeof part === 'string' && part !== '');
}

/** Read the ledger file; an entry without kind, id or reason is an error. */
export function readLedger(path: string): Ledger {
  const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
  if (!Array.isArray(value) || !value.every(isEntry)) {
    throw new Error(`${path} must be a list of {kind, id, variant?, reason}`);
  }
  return new Ledger(value);
}
