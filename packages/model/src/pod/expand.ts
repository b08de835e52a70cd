/** `$(NAME)` in the values of environment variables, commands and arguments (third_party/forked/golang/expansion). */

export interface Expanded {
  text: string;
  /** Names that were put in. */
  used: string[];
  /** Names that nothing is known of: they stay as they were written. */
  missing: string[];
}

/** `$$` is a dollar sign; anything else after a dollar sign stays as it is, and what is put in is not looked at again. */
export function expand(input: string, lookUp: (name: string) => string | undefined): Expanded {
  const used: string[] = [];
  const missing: string[] = [];
  const text = input.replaceAll(/\$(?:\$|\(([^)]*)\))/g, (whole, name: string | undefined) => {
    if (name === undefined) return '$';
    const value = lookUp(name);
    (value === undefined ? missing : used).push(name);
    return value ?? whole;
  });
  return { text, used, missing };
}
