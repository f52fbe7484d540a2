import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { expect, it } from '@jest/globals';
import { otherClient, startMtlsServer, testCa, testClient } from '@keyward/testing/mtls';
import { CONNECTOR } from './acme.js';
import { System } from './system.js';

it('each organization’s calls show its own certificate, from the database to the handshake; who has none sends nothing', async () => {
  const trusted = getCACertificates('default');
  setDefaultCACertificates([...trusted, testCa]);
  const asked: unknown[] = [];
  const bank = await startMtlsServer((subject, _body, { authorization }) => {
    asked.push([subject, authorization]);
    return [200, { seen: subject ?? null }];
  });
  const system = await System.start(`${CONNECTOR}client_certificate: true\n`);
  try {
    const executor = await system.startExecutor({
      KEYWARD_CONNECTOR_VARIABLES: JSON.stringify({ acme: { url: bank.origin } }),
      KEYWARD_EGRESS_PRIVATE_ORIGINS: bank.origin,
    });
    await executor.started;
    const [ours, theirs, bare] = await Promise.all(['ours', 'theirs', 'bare'].map((token) => system.person(token)));
    if (ours === undefined || theirs === undefined || bare === undefined) throw new Error('three were made');
    await system.certify(ours.org, testClient);
    await system.certify(theirs.org, otherClient);
    // At the same time: they share the round trip to the database.
    const results = await Promise.all([ours, theirs, bare, ours].map((person) => system.call(person, 'acme_get')));
    expect(results.map(({ output, error }) => output ?? error?.code)).toEqual([
      { seen: 'client.test' },
      { seen: 'other.test' },
      'invalid_request',
      { seen: 'client.test' },
    ]);
    expect(asked).toHaveLength(3);
    expect(asked).toEqual(
      expect.arrayContaining([
        ['client.test', 'Bearer ours'],
        ['other.test', 'Bearer theirs'],
      ]),
    );
  } finally {
    await system.stop();
    await bank.stop();
    setDefaultCACertificates(trusted);
  }
}, 60_000);
