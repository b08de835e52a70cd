/** What `ip -j` prints under the names that are read: a record with anything else there is damaged. */

const NUMBERS = new Set(['ifindex', 'link_index', 'mtu', 'prefixlen', 'metric', 'nhid', 'id', 'weight', 'priority']);
const STRINGS = new Set([
  ...['ifname', 'link', 'master', 'operstate', 'link_type', 'address', 'broadcast', 'local', 'scope', 'family'],
  ...['dst', 'src', 'dev', 'lladdr', 'type', 'gateway', 'host', 'protocol', 'prefsrc', 'table', 'iif', 'oif', 'pref'],
  ...['info_kind', 'info_slave_kind'],
]);
const LISTS = new Set(['flags', 'addr_info', 'nexthops', 'state']);
const RECORDS = new Set(['linkinfo', 'info_data', 'info_slave_data', 'via']);

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fits(key: string, value: unknown): boolean {
  if (NUMBERS.has(key)) return Number.isSafeInteger(value) && (value as number) >= 0;
  // A link whose other end is nowhere has none.
  if (STRINGS.has(key)) return typeof value === 'string' || (key === 'link' && value === null);
  if (LISTS.has(key)) return Array.isArray(value);
  return !RECORDS.has(key) || isRecord(value);
}

/** Name of a value that no tool prints there. */
export function strangeValue(record: object): string | undefined {
  for (const [key, value] of Object.entries(record)) {
    if (!fits(key, value)) return key;
    // Details of each kind of link have names of their own, with other values.
    if ((key === 'info_data' || key === 'info_slave_data') && isRecord(value)) {
      if (value.local !== undefined && typeof value.local !== 'string') return 'local';
      const number = ['id', 'port'].find((name) => value[name] !== undefined && !Number.isSafeInteger(value[name]));
      if (key === 'info_data' && number !== undefined) return number;
      continue;
    }
    const inner = Array.isArray(value) ? value.filter(isRecord) : isRecord(value) ? [value] : [];
    for (const one of inner) {
      const strange = strangeValue(one);
      if (strange !== undefined) return strange;
    }
  }
  return undefined;
}
