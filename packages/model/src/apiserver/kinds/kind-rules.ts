/** What the server does with objects of one kind: the parts of a strategy (pkg/registry/…/strategy.go) and of its storage. */
import type { Allocation } from '../allocate/allocation.ts';
import type { Request } from '../allocate/request.ts';
import type { Draft } from '../schema/meta.ts';
import type { Type } from '../schema/type.ts';
import type { FieldErrors } from '../status/field-errors.ts';

/**
 * The steps in the order in which the server takes them. Drafts are changed in place. Every step may throw a `Refusal`; `validate` and
 * `validateUpdate` collect instead, the checks of metadata that all kinds share included (the server calls them in every order).
 */
export interface KindRules<T extends Draft = Draft> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly type: Type<T>;
  /** SetDefaults_…() of the version, and what conversions add. */
  setDefaults?(draft: T): void;
  /** Admission plugins that change or refuse. */
  admit?(draft: T, old: T | undefined, request: Request): void;
  /** Before anything is checked: Services get their addresses here. */
  beginCreate?(draft: T, request: Request): void;
  prepareForCreate?(draft: T): void;
  validate(draft: T, errors: FieldErrors): void;
  beginUpdate?(draft: T, old: T, request: Request): void;
  prepareForUpdate?(draft: T, old: T): void;
  validateUpdate(draft: T, old: T, errors: FieldErrors): void;
  /** Once nothing is wrong with it. */
  canonicalise?(draft: T): void;
  /** What only readers see. */
  decorate?(draft: T): void;
  /** Node ports and addresses that a stored object holds. */
  hold?(stored: T, allocation: Allocation): void;
}
