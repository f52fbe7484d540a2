import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import {
  caCertificate,
  clientCertificate,
  clientKey,
  otherCertificate,
  otherKey,
  serverCertificate,
  serverKey,
} from './certificates.js';

export const testCa = caCertificate;
/** `client.test` */
export const testClient = { certificate: clientCertificate, privateKey: clientKey };
/** `other.test`, of the same authority. */
export const otherClient = { certificate: otherCertificate, privateKey: otherKey };

export interface MtlsRequest {
  url: string;
  authorization: string | undefined;
}

export type MtlsAnswer = (
  /** Whom it saw; undefined: nobody that the authority knows. */
  subject: string | undefined,
  body: string,
  request: MtlsRequest,
) => [status: number, body: unknown, headers?: Record<string, string>];

/** An https server that asks for a client certificate. */
export async function startMtlsServer(answer: MtlsAnswer) {
  const options = { cert: serverCertificate, key: serverKey, ca: testCa, requestCert: true, rejectUnauthorized: false };
  let opened = 0;
  const server = createServer(options, (request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      const socket = request.socket as TLSSocket;
      const name: unknown = socket.authorized ? socket.getPeerCertificate().subject.CN : undefined;
      const told = { url: request.url ?? '', authorization: request.headers.authorization };
      const [status, json, headers] = answer(typeof name === 'string' ? name : undefined, body, told);
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(json));
    });
  });
  server.on('connection', () => void opened++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Connections that were opened to it, whatever became of them. */
    connections: () => opened,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
