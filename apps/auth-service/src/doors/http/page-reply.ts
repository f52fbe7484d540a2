import type { FastifyReply } from 'fastify';
import { contentSecurityPolicy, renderPage, type Page } from '../../pages/page.js';

export function sendPage(reply: FastifyReply, page: Page): void {
  // Our pages have no script: the browser asks again by itself.
  const { refreshSeconds, refreshTo } = page;
  if (refreshSeconds !== undefined)
    void reply.header('refresh', `${refreshSeconds}${refreshTo === undefined ? '' : `; url=${refreshTo}`}`);
  void reply
    .status(page.status)
    .header('content-type', 'text/html; charset=utf-8')
    .header('content-security-policy', contentSecurityPolicy(page))
    // Not `no-referrer`: with it, browsers hide the origin of our own form from us. Nothing is told to other sites either way.
    .header('referrer-policy', 'same-origin')
    .send(renderPage(page));
}

/** 303: whatever the method was, the next one is GET, and no form is sent on (RFC 9700 section 4.12). */
export function sendSeeOther(reply: FastifyReply, url: string): void {
  void reply.status(303).header('location', url).header('content-type', 'text/plain').send();
}
