import { expect, it } from '@jest/globals';
import { createWebhookEndpointSchema, newId } from '@keyward/contracts';
import { wrongWithUrl } from './endpoint-url.js';

const PRIVATE = ['http://receiver.internal:8080'];
const organization = newId('org');

/** As the API takes it: first its shape, then where it leads. */
const isTaken = (url: string) =>
  createWebhookEndpointSchema.safeParse({ organization, url }).success && wrongWithUrl(url, PRIVATE) === undefined;

it.each([
  'http://receiver.example/hook',
  'http://127.0.0.1/hook',
  'https://127.0.0.1/hook',
  'https://[::1]/hook',
  'https://0x7f000001/hook',
  'https://2130706433/hook',
  'https://[::ffff:7f00:1]/hook',
  'https://169.254.169.254/latest/meta-data',
  'https://10.0.0.8/hook',
  'https://user@receiver.example/hook',
  'https://user:secret@receiver.example/hook',
  'https://receiver.example/hook#part',
  'javascript:alert(1)',
  'file:///etc/passwd',
  'data:text/plain,x',
  'ftp://receiver.example/',
  '//receiver.example/hook',
  'receiver.example/hook',
  'https://',
  'https://receiver.example/\u0000',
  'https://receiver.example/\ud800',
  'https://receiver.example/ /',
  'https://empfänger.example/',
  'https://[::]/hook',
  'https://[fe80::1]/hook',
  'https://[64:ff9b::7f00:1]/hook',
  'https://127.1/hook',
  'https://0/hook',
  'https://１２７.0.0.1/hook',
  `https://receiver.example/${'x'.repeat(2048)}`,
  'http://receiver.internal/hook',
  'http://receiver.internal:8080@receiver.example/hook',
  'http://receiver.internal:8080.receiver.example/hook',
])('an endpoint can not be %j', (url) => expect(isTaken(url)).toBe(false));

it.each([
  'https://receiver.example/hook?token=1',
  'https://receiver.example:8443/',
  'https://203.0.114.1/hook',
  'http://receiver.internal:8080/hook',
])('an endpoint can be %j', (url) => expect(isTaken(url)).toBe(true));
