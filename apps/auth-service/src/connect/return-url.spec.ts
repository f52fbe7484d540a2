import { expect, it } from '@jest/globals';
import { isReturnUrl } from './return-url.js';

it.each([
  'https://app.example.com/done',
  'https://app.example.com',
  'https://app.example.com/done?from=keyward',
  'http://127.0.0.1:3000/done',
  'http://localhost:3000/',
  'http://[::1]:3000/',
])('takes %s', (url) => {
  expect(isReturnUrl(url)).toBe(true);
});

it.each([
  'javascript:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  'http://app.example.com/done',
  '//evil.example/',
  '/done',
  'https:evil.example',
  'https:/evil.example',
  'https:\\\\evil.example',
  'https://app.example.com\\@evil.example/',
  'https://app.example.com@evil.example/',
  'https://user:pass@app.example.com/',
  'https://@evil.example/',
  'https://app.example.com/#fragment',
  'https://app.example.com/#',
  'https://app.example.com/a\tb',
  'https://app.example.com/a\nb',
  ' https://app.example.com/',
  'http://127.0.0.1.evil.example/',
  'http://localhost.evil.example/',
  'ftp://app.example.com/',
  'https://',
  '',
])('refuses %j', (url) => {
  expect(isReturnUrl(url)).toBe(false);
});
