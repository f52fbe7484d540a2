import type { ServerResponse } from 'node:http';

export function json(
  response: ServerResponse,
  status: number,
  body: string | object,
  headers: Record<string, string> = {},
): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
}

export function html(response: ServerResponse, status = 200): void {
  response.writeHead(status, { 'content-type': 'text/html' }).end(`<html><script>alert(document.cookie)</script></html>`);
}

export function redirect(response: ServerResponse, status: number, to: string): void {
  response.writeHead(status, { location: to }).end();
}

/** What somebody would like to see in a page or a log of ours. */
export const NASTY_TEXT = '<img src=x onerror=alert(1)>\r\n\u001b[31m{"level":"info"}\u202e\u0000';
