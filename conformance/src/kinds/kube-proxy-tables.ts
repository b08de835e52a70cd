/** The iptables tables that the kube-proxy suites record: rules by table and chain. */
export type Tables = Record<string, Record<string, string[]>>;

export function readTables(text: string): Tables {
  const tables: Tables = {};
  let table: Record<string, string[]> = {};
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) {
      table = {};
      tables[line.slice(1)] = table;
    } else if (line.startsWith(':')) table[line.slice(1).split(' ', 1)[0] ?? ''] ??= [];
    else if (line.startsWith('-A ')) table[line.split(' ', 2)[1] ?? '']?.push(line);
  }
  return tables;
}

/** The built-in chains that the recorder's tables hold. */
const BUILT_IN: Record<string, string[]> = {
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
};

/** What restoring `tables` leaves, with the jumps that kube-proxy makes one by one. */
export function afterJumps(tables: Tables, jumps: readonly { table: string; line: string }[]): Tables {
  for (const [name, chains] of Object.entries(BUILT_IN)) {
    for (const chain of chains) tables[name] = { ...tables[name], [chain]: [] };
  }
  for (const { table, line } of jumps) {
    const chain = line.split(' ', 2)[1] ?? '';
    tables[table]?.[chain]?.push(line);
  }
  return tables;
}

/** The recorder's tables print the comments of jumps without quotes, other comments with them; marks that are empty without a blank. */
export const unquoted = (line: string) => line.replaceAll('"', '').trimEnd();

export function unquotedTables(tables: Tables): Tables {
  return Object.fromEntries(
    Object.entries(tables).map(([name, chains]) => [
      name,
      Object.fromEntries(Object.entries(chains).map(([chain, rules]) => [chain, rules.map(unquoted)])),
    ]),
  );
}
