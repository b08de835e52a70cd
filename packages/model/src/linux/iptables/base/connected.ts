import type { Match } from '@podwire/engine';

/** There is a connection. */
export const CONNECTED: Match = { kind: 'compare', key: [{ field: 'ct direction', mask: 0 }], op: 'eq', values: [0] };
