import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { caCertificate, clientCertificate, clientKey, serverCertificate, serverKey } from './certificates.js';

export const testCa = caCertificate;
export const testClient = { certificate: clientCertificate, privateKey: clientKey };

/** An https server that asks for a client certificate and answers with whom it saw: the subject, or nothing. */
export async function startMtlsServer(answer: (subject: string | undefined, body: string) => [status: number, body: unknown]) {
  const options = { cert: serverCertificate, key: serverKey, ca: testCa, requestCert: true, rejectUnauthorized: false };
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
