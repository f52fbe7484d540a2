import { describe, expect, it } from '@jest/globals';
import { readConfig } from './config.js';

const KEYWARD_SANDBOX_MANAGEMENT_TOKEN = 'a-management-token';

describe('readConfig', () => {
  it('starts with defaults on the loopback address', () => {
    expect(readConfig({ KEYWARD_SANDBOX_MANAGEMENT_TOKEN })).toMatchObject({
      host: '127.0.0.1',
      port: 8090,
      accessTokenTtlSeconds: 120,
      database: undefined,
    });
  });

  it.each(['0.0.0.0', '::', '192.0.2.1', '127.evil.example'])('refuses to listen on %s', (host) => {
    expect(() => readConfig({ KEYWARD_SANDBOX_MANAGEMENT_TOKEN, KEYWARD_SANDBOX_HOST: host })).toThrow(/not for production/);
  });

  it('listens elsewhere when told twice', () => {
    const env = { KEYWARD_SANDBOX_MANAGEMENT_TOKEN, KEYWARD_SANDBOX_HOST: '0.0.0.0', KEYWARD_SANDBOX_ALLOW_NETWORK: 'true' };
    expect(readConfig(env).host).toBe('0.0.0.0');
  });

  it('emulates the vendors that are named, and needs to know where they are described', () => {
    const env = { KEYWARD_SANDBOX_MANAGEMENT_TOKEN, KEYWARD_SANDBOX_VENDORS: 'asana,linear' };
    const dir = '/srv/connectors';
    expect(readConfig({ ...env, KEYWARD_SANDBOX_CONNECTORS_DIR: dir }).vendors).toEqual({ names: ['asana', 'linear'], dir });
    expect(() => readConfig(env)).toThrow(/KEYWARD_SANDBOX_CONNECTORS_DIR is needed/);
    expect(() => readConfig({ ...env, KEYWARD_SANDBOX_VENDORS: '../asana' })).toThrow(/KEYWARD_SANDBOX_VENDORS/);
  });

  it('names every problem at once and repeats no value', () => {
    const attempt = () => readConfig({ KEYWARD_SANDBOX_MANAGEMENT_TOKEN: 'short-secret', KEYWARD_SANDBOX_PORT: 'x' });
    expect(attempt).toThrow(/KEYWARD_SANDBOX_PORT.*\n.*KEYWARD_SANDBOX_MANAGEMENT_TOKEN/);
    expect(attempt).not.toThrow(/short-secret/);
  });
});
