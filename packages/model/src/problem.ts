/** Something wrong or noteworthy with the input. Nothing is dropped without one. */
export interface Problem {
  severity: 'error' | 'warning' | 'info';
  /** Stable kebab-case code: `yaml-syntax`, `duplicate-object`, `unknown-reference`. */
  code: string;
  /** One sentence that names the thing. */
  message: string;
  /** One sentence that says what to change. */
  mend?: string;
  file?: string;
  /** 1-based. */
  line?: number;
  /** Field path as kubectl writes it: `spec.ports[0].targetPort`. */
  field?: string;
  /** The object it is about: `Service shop/api`. */
  object?: string;
}
