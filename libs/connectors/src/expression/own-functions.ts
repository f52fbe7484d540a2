import { Buffer } from 'node:buffer';
import type { Expression } from 'jsonata';
import { adfOf } from './adf.js';
import { mimeMessage } from './mime-message.js';
import { uuidFrom } from './uuid-from.js';

interface OwnFunction {
  readonly name: string;
  /** JSONata's notation for what it takes and gives. */
  readonly signature: string;
  readonly implementation: Parameters<Expression['registerFunction']>[1];
}

/** What connectors need and JSONata lacks. None of them reaches a file or the network. */
export const ownFunctions: readonly OwnFunction[] = [
  { name: 'base64url', signature: '<s-:s>', implementation: (text: string) => Buffer.from(text).toString('base64url') },
  // JSONata's own takes each character for one byte.
  { name: 'base64', signature: '<s-:s>', implementation: (text: string) => Buffer.from(text).toString('base64') },
  {
    name: 'base64urlDecode',
    signature: '<s-:s>',
    implementation: (text: string) => Buffer.from(text, 'base64url').toString('utf8'),
  },
  {
    name: 'byteLength',
    signature: '<s-s?:n>',
    implementation: (text: string, encoding?: string) => Buffer.byteLength(text, encoding === 'base64' ? 'base64' : 'utf8'),
  },
  { name: 'mimeMessage', signature: '<o-:s>', implementation: mimeMessage },
  { name: 'markdownToAdf', signature: '<s-:o>', implementation: adfOf },
  { name: 'uuidFrom', signature: '<s-:s>', implementation: uuidFrom },
];

export const slowFunctions: readonly string[] = ['mimeMessage'];
