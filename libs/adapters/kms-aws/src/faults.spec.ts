import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KeyManagement } from '@keyward/vault';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createAwsKms } from './index.js';

Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_EC2_METADATA_DISABLED: 'true' });

const CONTEXT = { org: 'org_01', purpose: 'data-key' };
const WRAPPED = Buffer.from('wrapped-canary');

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

function fault(status: number, name: string): Handler {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' });
    response.end(JSON.stringify({ __type: name, message: `${name} for arn:aws:kms:eu-central-1:1:key/secret-canary` }));
  };
}

const plaintext: Handler = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' });
  response.end(JSON.stringify({ Plaintext: Buffer.alloc(32, 7).toString('base64'), KeyId: 'k' }));
};

/** A KMS that speaks the real protocol and answers as each test says. */
describe('faults of AWS KMS', () => {
  let server: Server;
  let requests: { target: string; body: Record<string, unknown> }[];
  let answers: Handler[];
  let kms: KeyManagement;
  let endpoint: string;

  beforeAll(async () => {
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
        requests.push({ target: String(request.headers['x-amz-target']), body });
        (answers.shift() ?? answers.at(-1) ?? plaintext)(request, response);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  beforeEach(() => {
    requests = [];
    answers = [];
    // Of its own for each test: the SDK counts retries over the life of a client and stops retrying in a long outage.
    kms = createAwsKms({ keyId: 'alias/keyward', region: 'eu-central-1', endpoint });
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const always = (handler: Handler): void => void (answers = Array.from({ length: 10 }, () => handler));

  it.each([
    ['throttled', 400, 'ThrottlingException'],
    ['over its request limit', 400, 'LimitExceededException'],
    ['failing inside', 500, 'KMSInternalException'],
    ['waiting for something of its own', 500, 'DependencyTimeoutException'],
    ['unavailable', 503, 'ServiceUnavailableException'],
    ['holding its key in an invalid state', 400, 'KMSInvalidStateException'],
    ['holding its key disabled', 400, 'DisabledException'],
    ['holding its key where it can not reach it', 500, 'KeyUnavailableException'],
    ['denying access', 400, 'AccessDeniedException'],
    ['not believing our identity', 400, 'UnrecognizedClientException'],
    ['saying something nobody knows', 418, 'TeapotException'],
  ])('%s: unavailable, in bounded attempts', async (_what, status, name) => {
    always(fault(status, name));
    await expect(kms.decrypt(WRAPPED, CONTEXT)).rejects.toMatchObject({ name: 'KeywardError', code: 'dependency_unavailable' });
    expect(requests.length).toBeLessThanOrEqual(3);
  });

  it('denying access: unavailable for every operation', async () => {
    always(fault(400, 'AccessDeniedException'));
    for (const operation of [() => kms.reencrypt(WRAPPED, CONTEXT), () => kms.generateDataKey(CONTEXT), () => kms.health()]) {
      await expect(operation()).rejects.toMatchObject({ code: 'dependency_unavailable' });
    }
  });

  it('throttled or failing once is no fault: it is tried again', async () => {
    answers = [fault(400, 'ThrottlingException'), fault(500, 'KMSInternalException'), plaintext];
    expect(await kms.decrypt(WRAPPED, CONTEXT)).toEqual(Buffer.alloc(32, 7));
    expect(requests).toHaveLength(3);
  });

  it.each(['InvalidCiphertextException', 'IncorrectKeyException', 'NotFoundException'])(
    'refusing the wrapped key with %s is no outage, and is not tried again',
    async (name) => {
      always(fault(400, name));
      await expect(kms.decrypt(WRAPPED, CONTEXT)).rejects.toMatchObject({ code: 'internal' });
      await expect(kms.reencrypt(WRAPPED, CONTEXT)).rejects.toMatchObject({ code: 'internal' });
      expect(requests).toHaveLength(2);
    },
  );

  it('slow: given up within seconds', async () => {
    always(() => undefined);
    const before = performance.now();
    await expect(kms.decrypt(WRAPPED, CONTEXT)).rejects.toMatchObject({ code: 'dependency_unavailable' });
    expect(performance.now() - before).toBeLessThan(10_000);
    server.closeAllConnections();
  });

  it.each<[string, Handler]>([
    ['cut off', (request) => request.socket.destroy()],
    ['not JSON', (_request, response) => response.end('<html>')],
    ['without what was asked for', (_request, response) => response.end('{}')],
  ])('answering %s: unavailable', async (_what, handler) => {
    always(handler);
    await expect(kms.decrypt(WRAPPED, CONTEXT)).rejects.toMatchObject({ code: 'dependency_unavailable' });
  });

  it('not there at all: unavailable', async () => {
    const nowhere = createAwsKms({ keyId: 'k', region: 'eu-central-1', endpoint: 'http://127.0.0.1:1' });
    await expect(nowhere.decrypt(WRAPPED, CONTEXT)).rejects.toMatchObject({ code: 'dependency_unavailable' });
  });

  it('names neither key nor cause in the public sentence', async () => {
    always(fault(400, 'AccessDeniedException'));
    const thrown = (await kms.decrypt(WRAPPED, CONTEXT).catch((reason: unknown) => reason)) as Error;
    expect(thrown.message).not.toMatch(/canary|arn:|AccessDenied/);
    expect(String(thrown.cause)).toContain('AccessDenied');
  });

  it('is sent the whole context with every operation, under names that no value can imitate', async () => {
    const expected = { 'keyward:org': 'org_01', 'keyward:purpose': 'data-key' };
    await kms.decrypt(WRAPPED, CONTEXT);
    await kms.generateDataKey(CONTEXT).catch(() => undefined);
    await kms.reencrypt(WRAPPED, CONTEXT).catch(() => undefined);
    expect(requests.map(({ target }) => target)).toEqual(
      ['Decrypt', 'GenerateDataKey', 'ReEncrypt'].map((op) => `TrentService.${op}`),
    );
    expect(requests[0]?.body).toMatchObject({ EncryptionContext: expected });
    expect(requests[1]?.body).toMatchObject({ EncryptionContext: expected, KeyId: 'alias/keyward', KeySpec: 'AES_256' });
    expect(requests[2]?.body).toMatchObject({
      SourceEncryptionContext: expected,
      DestinationEncryptionContext: expected,
      DestinationKeyId: 'alias/keyward',
    });
  });

  it.each([0, 6_145])('is not bothered with a wrapped key of %d bytes, which can not be one', async (length) => {
    await expect(kms.decrypt(Buffer.alloc(length, 1), CONTEXT)).rejects.toMatchObject({ code: 'internal' });
    expect(requests).toEqual([]);
  });
});
