import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
  custodySubject,
  releasedTokenSchema,
  type AppliedManifest,
  type Connection,
  type ConnectionAuthorization,
  type CustodyReply,
  type ExecutionResult,
} from '@keyward/contracts';
import { JsonClient } from '@keyward/sdk';
import { walkConnectPages } from '@keyward/stack';
import { connect, credsAuthenticator } from '@nats-io/transport-node';
import { compactDecrypt, exportJWK, generateKeyPair } from 'jose';
import { problemOf, type WholeSystem } from '../support/whole-system.js';

const READ = ['openid', 'offline_access', 'notes:read'];

export function manifestAndCustody(system: WholeSystem): void {
  describe('an agent by its manifest', () => {
    const manifest = {
      agent: 'e2e-writer',
      tools: ['sandbox_list_notes', 'sandbox_create_note'].map((name) => ({ name, connector: 'sandbox' })),
      permissions: { sandbox: 'write' },
    };
    const apply = () => {
      const { org, user } = system.stack.info;
      return system.admin.put<AppliedManifest>(`/v1/manifests?user=${user}`, { organization: org, manifest });
    };
    const agentClient = async (agent: string) => {
      const { gatewayUrl, org } = system.stack.info;
      const { key } = await system.admin.post<{ key: string }>(`/v1/agents/${agent}/keys`, { organization: org });
      return new JsonClient(gatewayUrl, key);
    };

    it('is told where the person grants what is missing; after consent the same call works, on the same connection', async () => {
      const { org, user, sandbox } = system.stack.info;
      const applied = await apply();
      expect(applied).toMatchObject({ created: true, version: 1 });
      expect(applied.missingScopes.map(({ tool }) => tool)).toEqual(['sandbox_list_notes', 'sandbox_create_note']);

      const agent = await agentClient(applied.agent);
      const session = { user, provider: 'sandbox', scopes: READ };
      await walkConnectPages((await agent.post<{ url: string }>('/v1/connect-sessions', session)).url, sandbox);
      const only = async () => (await agent.get<{ connections: Connection[] }>('/v1/connections')).connections;
      const [before] = await only();
      expect(before).toMatchObject({ scopes: expect.arrayContaining(READ), expiresAt: expect.any(String) });
      expect((await apply()).missingScopes).toMatchObject([{ tool: 'sandbox_create_note', scopes: ['notes:write'] }]);

      const write = () =>
        agent.post<ExecutionResult>('/v1/tools/sandbox_create_note/execute', { user, arguments: { title: 'Incremental' } });
      const refused = await problemOf(write());
      expect(refused).toMatchObject({ code: 'missing_scopes', missingScopes: ['notes:write'] });
      await walkConnectPages(refused.connectUrl ?? '', sandbox);
      expect(await write()).toMatchObject({ state: 'succeeded', output: { title: 'Incremental' } });

      const [after, ...others] = await only();
      expect([after?.id, others]).toEqual([before?.id, []]);
      expect(after?.scopes).toEqual(expect.arrayContaining([...READ, 'notes:write']));
      const history = `/v1/connections/${after?.id}/history?organization=${org}`;
      const { authorizations } = await system.admin.get<{ authorizations: ConnectionAuthorization[] }>(history);
      expect(authorizations.map(({ requestedScopes }) => requestedScopes.includes('notes:write'))).toEqual([true, false]);
      expect(await apply()).toMatchObject({ changed: false, version: 1, missingScopes: [] });
    });

    it('is handed a token by custody only where an admin released it, sealed to its key, with the rights of a platform', async () => {
      const { org, natsUrl, user } = system.stack.info;
      const { agent } = await apply();
      const creds = readFileSync(path.join(system.stack.paths.creds, 'custody.creds'));
      const platform = await connect({
        servers: natsUrl,
        authenticator: credsAuthenticator(creds),
        inboxPrefix: '_INBOX.custody',
      });
      try {
        const ask = async (operation: 'list_integrations' | 'get_access_token', request: object) => {
          const message = await platform.request(custodySubject(operation), JSON.stringify({ org, agent, ...request }), {
            timeout: 20_000,
          });
          return message.json<CustodyReply>();
        };
        const listed = await ask('list_integrations', { user });
        const { connections } = (listed as { answer: { connections: Connection[] } }).answer;
        const { privateKey, publicKey } = await generateKeyPair('ECDH-ES', { crv: 'X25519', extractable: true });
        const request = { connection: connections[0]?.id, recipientKey: await exportJWK(publicKey) };
        expect(await ask('get_access_token', request)).toMatchObject({ outcome: 'failed', error: { code: 'forbidden' } });

        await system.admin.put(`/v1/agents/${agent}/token-releases/sandbox`, { organization: org });
        const reply = (await ask('get_access_token', request)) as { answer: { jwe: string } };
        const { plaintext } = await compactDecrypt(reply.answer.jwe, privateKey);
        const { accessToken } = releasedTokenSchema.parse(JSON.parse(new TextDecoder().decode(plaintext)));
        const notes = await fetch(`${system.stack.info.sandbox.url}/api/notes`, {
          headers: { authorization: `Bearer ${accessToken}` },
        });
        expect(notes.status).toBe(200);
      } finally {
        await platform.close();
      }
    });
  });
}
