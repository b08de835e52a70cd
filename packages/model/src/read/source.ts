import type { KubeObject } from '../objects/kube.ts';
import type { Problem } from '../problem.ts';

/** A file as a collector hands it over: from a disk, standard input, a drop on the page. Archives are still packed. */
export interface SourceFile {
  /** Path as the user would name it, `/` between parts. */
  name: string;
  bytes: Uint8Array;
}

/** Where an object stands in its source. */
export interface Origin {
  file: string;
  /** Index among the file's documents, empty ones not counted. */
  document: number;
  /** Position inside `items`, outermost list first; absent for an object that is its own document. */
  items?: number[];
  /** 1-based line of the object's first field. */
  readonly line: number;
}

/** One object with its place. */
export interface SourcedObject {
  /** `metadata.name` is `''` where the source gives none. Parts may be shared through YAML aliases: never change them in place. */
  object: KubeObject;
  origin: Origin;
  /** The source does not say the kind: it follows from the typed list around it, the file's name or a folder's. */
  inferred?: 'list' | 'file' | 'folder';
}

/** A List that was taken apart. */
export interface SourceList {
  file: string;
  document: number;
  apiVersion?: string;
  /** Absent for a list that does not say its kind. */
  kind?: string;
  /** It stands inside another list or array. */
  nested: boolean;
}

/** What holds no object we know how to use: kustomization files, text, empty documents ... */
export interface Ignored {
  file: string;
  document?: number;
  /** As in `Origin`, for a part of a document. */
  items?: number[];
  /** Stable kebab-case code: `mapping-without-kind`, `empty-document`. */
  code: string;
  /** For people. */
  why: string;
  /** What it calls itself, where it says a kind: `Addons bootstrap`. */
  object?: string;
  /** How many, where one entry stands for several of a file. */
  count?: number;
}

export interface ReadResult {
  /** In the order of files (byte order of names) and of documents. Every definition, repeated ones too. */
  objects: SourcedObject[];
  problems: Problem[];
  /** Every List that was taken apart. */
  lists: SourceList[];
  ignored: Ignored[];
  /** The files that were read, those inside archives one by one, with their readable documents. */
  sources: { file: string; documents: number }[];
  files: number;
  documents: number;
  /** Line of a field (`['spec', 'ports', 0, 'port']`), by reading the source once more; the nearest existing parent where the field is not written. */
  lineOf(origin: Origin, path: readonly (string | number)[]): number;
}
