const MiB = 1024 * 1024;

/**
 * What a source may cost before it is refused with a problem. They lie well above real input (the JSON of 10,000 pods is 45-70 MB) and well
 * below what exhausts a browser tab or a default Node heap.
 */
export const LIMITS = {
  /** One file, which the engine must hold as one string. */
  fileBytes: 480 * MiB,
  /** Values in one file of JSON, estimated from samples: a bracket may cost its reader 30 bytes. The JSON of 10,000 pods has 2 million. */
  jsonValues: 50_000_000,
  /** Marks (line breaks, colons, commas, brackets) in one YAML document: the parser holds some 100 bytes for each until the document ends. */
  yamlMarks: 8_000_000,
  /** A broken file larger than this is not tried as YAML after JSON has failed. */
  retryBytes: 8 * MiB,
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
