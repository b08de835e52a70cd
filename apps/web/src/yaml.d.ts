/** esbuild's text loader: a YAML file is its text. */
declare module '*.yaml' {
  const text: string;
  export default text;
}
