const MiB = 1024 * 1024;

/**
 * What a source may cost before it is refused with a problem. They lie well above real input (the JSON of 10,000 pods is 45-70 MB) and well
 * below what exhausts a browser tab or a default Node heap.
 */
export const LIMITS = {
  /** One file of JSON. */
  jsonBytes: 256 * MiB,
  /** One YAML document. The parser holds an event of about 100 bytes for each scalar until the document ends. */
  yamlBytes: 64 * MiB,
  /** Everything that comes out of archives and compressed files, in one reading. */
  unpackedBytes: 1024 * MiB,
  /** Files in one archive. */
  archiveFiles: 100_000,
  /** An archive in a compressed file is two layers. */
  archiveLayers: 3,
  /** Collections inside each other. Custom resource definitions reach about 60. */
  depth: 500,
  /** Lists inside Lists. */
  listDepth: 16,
  /** Unreadable documents reported one by one per file; the rest are counted. */
  unreadablePerFile: 20,
} as const;
