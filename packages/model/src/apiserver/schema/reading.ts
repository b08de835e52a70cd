/** Ends the reading of a request: what a type's own decoder refuses is final (json.Unmarshaler), while Go goes on after a wrong type. */
export class Unreadable extends Error {}

export interface UnknownField {
  path: string;
  name: string;
  /** The fields that could have been meant. */
  known: () => string[];
}

/** Where the decoder stands, and what did not fit so far. */
export class Reading {
  /** The first value of a wrong type, in the words of json.UnmarshalTypeError. */
  wrongType: string | undefined;
  /** Where it stands: `spec.ports[0].port`. */
  wrongAt: string | undefined;
  /** Fields that nobody knows, at most 100. */
  readonly unknown: UnknownField[] = [];
  #struct = '';
  #fields: readonly string[] = [];
  #place = '';

  inField<T>(struct: string, embedded: string | undefined, name: string, read: () => T): T {
    const [outer, fields, place] = [this.#struct, this.#fields, this.#place];
    this.#struct = struct;
    this.#fields = embedded === undefined ? [...fields, name] : [...fields, embedded, name];
    this.#place = place === '' ? name : `${place}.${name}`;
    const value = read();
    [this.#struct, this.#fields, this.#place] = [outer, fields, place];
    return value;
  }

  inKey<T>(key: string, read: () => T): T {
    return this.#at(this.#place === '' ? key : `${this.#place}.${key}`, read);
  }

  inItem<T>(index: number, read: () => T): T {
    return this.#at(`${this.#place}[${index}]`, read);
  }

  #at<T>(place: string, read: () => T): T {
    const before = this.#place;
    this.#place = place;
    const value = read();
    this.#place = before;
    return value;
  }

  /** `found` in JSON's words: `string`, `number 1.5`. */
  mismatch(found: string, go: string): void {
    this.fault(this.#unmarshalTypeError(found, go));
  }

  /** Any other complaint about a value: reading goes on. */
  fault(message: string): void {
    if (this.wrongType !== undefined) return;
    this.wrongType = message;
    this.wrongAt = this.#place;
  }

  /** A wrong type that a decoder of the type's own has met. */
  refuse(found: string, go: string): never {
    throw new Unreadable(this.#unmarshalTypeError(found, go));
  }

  /** `known`: the fields that could have been meant. */
  unknownField(name: string, known: () => string[]): void {
    const path = this.#place === '' ? name : `${this.#place}.${name}`;
    if (this.unknown.length < 100) this.unknown.push({ path, name, known });
  }

  /** Where the decoder stands; after it has thrown, where it stopped. */
  get place(): string {
    return this.#place;
  }

  #unmarshalTypeError(found: string, go: string): string {
    const into = this.#fields.length === 0 ? 'value' : `struct field ${this.#struct}.${this.#fields.join('.')}`;
    return `json: cannot unmarshal ${found} into Go ${into} of type ${go}`;
  }
}
