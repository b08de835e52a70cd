/** nft would refuse it; the message says why, in its manner. */
export class NftRefusal extends Error {
  /** 1-based line of the text. */
  line?: number;

  constructor(message: string, line?: number) {
    super(message);
    if (line !== undefined) this.line = line;
  }
}
