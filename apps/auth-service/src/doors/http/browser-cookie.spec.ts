import { afterAll, expect, it } from '@jest/globals';
import cookie from '@fastify/cookie';
import Fastify from 'fastify';
import { BrowserCookie } from './browser-cookie.js';

const apps = new Set<{ close(): Promise<unknown> }>();
afterAll(() => Promise.all([...apps].map((app) => app.close())));

async function serve(publicUrl: string) {
  const browserCookie = new BrowserCookie(publicUrl);
  const app = Fastify();
  apps.add(app);
  await app.register(cookie);
  app.get('/read', (request) => ({ value: browserCookie.read(request) ?? null }));
  app.get('/write', (_request, reply) => {
    browserCookie.write(reply, 'the-value');
    return '';
  });
  return app;
}

it('over https no other host can set it and no script read it', async () => {
  const app = await serve('https://connect.example.com');
  const { headers } = await app.inject('/write');
  expect(headers['set-cookie']).toBe('__Host-keyward_connect=the-value; Max-Age=7200; Path=/; HttpOnly; Secure; SameSite=Lax');
  const read = (header: string) =>
    app.inject({ url: '/read', headers: { cookie: header } }).then((answer) => answer.json<object>());
  expect(await read('__Host-keyward_connect=the-value')).toEqual({ value: 'the-value' });
  expect(await read('keyward_connect=planted')).toEqual({ value: null });
});

it('over plain http, which is this machine only, it has no prefix that browsers would refuse', async () => {
  const app = await serve('http://127.0.0.1:8081');
  const { headers } = await app.inject('/write');
  expect(headers['set-cookie']).toBe('keyward_connect=the-value; Max-Age=7200; Path=/; HttpOnly; SameSite=Lax');
});
