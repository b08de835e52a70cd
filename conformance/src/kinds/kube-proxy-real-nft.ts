/** A listing of kube-proxy's nftables tables as what may be compared: sets without order, chains by name. */

/** Lines by `table`, `table set NAME`, `table chain NAME`. Elements of a set stand in order of their text. */
export type Blocks = Record<string, string[]>;

/** One listing, as `nft list ruleset` prints it. */
export function readBlocks(text: string): Blocks {
  const blocks: Blocks = {};
  let table = '';
  let block = '';
  let elements: string | undefined;
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    if (elements !== undefined || line.startsWith('elements = {')) {
      elements = `${elements ?? ''} ${line.replace('elements = {', '')}`;
      if (!line.endsWith('}')) continue;
      const each = elements.trim().slice(0, -1).split(',');
      blocks[block]?.push(...each.map((one) => `element ${one.trim()}`).sort());
      elements = undefined;
    } else if (raw.startsWith('table ')) {
      table = line.slice(0, -2);
      block = table;
      blocks[block] = [];
    } else if (/^\t(?:set|map|chain) /.test(raw)) {
      block = `${table} ${line.slice(0, -2)}`;
      blocks[block] = [];
    } else if (line !== '' && line !== '}') blocks[block]?.push(line);
  }
  return blocks;
}

/** Without what is about these Services. @param isTheirs Whether an address with port is an endpoint of one. */
export function withoutServices(
  blocks: Blocks,
  services: readonly string[],
  isTheirs: (address: string, port: string) => boolean,
): Blocks {
  const isAbout = (text: string) =>
    services.some((service) => text.includes(`-${service}/`) || new RegExp(`comment "${service}[":]`).test(text));
  const isHairpin = (line: string) => {
    const [, address = '', , , port = ''] = /^element (\S+) \. (\S+) \. (\S+) \. (\d+)$/.exec(line) ?? [];
    return isTheirs(address, port);
  };
  return Object.fromEntries(
    Object.entries(blocks)
      .filter(([name]) => !isAbout(name))
      .map(([name, lines]) => [
        name,
        lines.filter((line) => !isAbout(line) && !(name.endsWith(' hairpin-connections') && isHairpin(line))),
      ]),
  );
}
