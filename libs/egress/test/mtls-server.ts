import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';

const pem = (name: string) => readFileSync(join(import.meta.dirname, 'tls', name), 'utf8');

/** Made for these tests, good for nothing else. */
export const testCa = pem('ca.pem');
export const testClient = { certificate: pem('client.pem'), privateKey: pem('client.key') };

/** An https server that asks for a client certificate and answers with whom it saw: the subject, or nothing. */
export async function startMtlsServer(answer: (subject: string | undefined, body: string) => [status: number, body: unknown]) {
  const options = { cert: pem('server.pem'), key: pem('server.key'), ca: testCa, requestCert: true, rejectUnauthorized: false };
  const server = createServer(options, (request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      const socket = request.socket as TLSSocket;
      const name: unknown = socket.authorized ? socket.getPeerCertificate().subject.CN : undefined;
      const [status, json] = answer(typeof name === 'string' ? name : undefined, body);
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
