/** The cluster that the page shows before one is dropped on it: `examples/shop`, carried as text. */
import api from '../../../examples/shop/api.yaml';
import namespace from '../../../examples/shop/namespace.yaml';
import web from '../../../examples/shop/web.yaml';
import type { Asked, DroppedFile } from './shared/protocol.ts';

const question: Asked = { from: 'deploy/web', to: 'svc/api:http', protocol: '', port: '' };

/** New bytes each time, because opening transfers them. */
const files = (): DroppedFile[] =>
  Object.entries({ 'shop/api.yaml': api, 'shop/namespace.yaml': namespace, 'shop/web.yaml': web }).map(
    ([name, text]) => ({ name, bytes: new TextEncoder().encode(text) }),
  );

export const example = { question, files };
