import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Browser } from './browser.js';
import { EvilHarness } from './evil.js';
import type { AuthHarness } from './harness.js';

let here: EvilHarness;
let auth: AuthHarness;
beforeAll(async () => {
  here = await EvilHarness.start();
  ({ auth } = here);
});
afterAll(() => here.stop());

describe('parameters of a connection', () => {
  it('are asked for on our page, each error at its field, nothing lost, and stored with the connection', async () => {
    const tenant = await here.victim('evil_parameters');
    const { url } = await auth.session(tenant, { provider: 'evil_parameters' });
    const browser = new Browser();
    await browser.open(url);
    expect(browser.page).toContain('<label for="field-parameter-workspace">Workspace</label>');
    await browser.submit({ decision: 'continue', 'parameter.workspace': 'evil.example/', 'parameter.region': 'us' });
    expect(browser.status).toBe(422);
    const page = browser.page.replace(/\s+/g, ' ');
    expect(page).toMatch(/id="field-parameter-workspace-error"/);
    expect(page).toContain('value="evil.example/"');
    expect(page).toMatch(/<option value="us" selected>/);
    await here.expectNothingStored(tenant);
    await browser.submit({ decision: 'continue', 'parameter.workspace': 'Acme', 'parameter.region': 'us' });
    expect(browser.title).toBe('Evil is connected');
    expect((await auth.connections(tenant))[0]?.parameters).toEqual({ workspace: 'acme', region: 'us' });
  });

  it('that whoever made the link knows are shown and not asked for; what they may not be is refused there', async () => {
    const tenant = await here.victim('evil_parameters');
    const body = { organization: tenant.org, agent: tenant.agent, user: 'usr_ada', provider: 'evil_parameters' };
    const refused = await auth.ask('/v1/connect-sessions', { body: { ...body, parameters: { workspace: '-x' } } });
    expect(refused).toMatchObject({ status: 400, body: { errors: [{ pointer: '/parameters/workspace' }] } });
    const { url } = await auth.session(tenant, { provider: 'evil_parameters', parameters: { workspace: 'acme' } });
    const browser = new Browser();
    await browser.open(url);
    expect(browser.page).not.toContain('field-parameter-workspace');
    expect(browser.page.replace(/\s+/g, ' ')).toContain('<dt>Workspace</dt> <dd>acme</dd>');
    await browser.submit({ decision: 'continue', 'parameter.region': 'eu' });
    expect(browser.title).toBe('Evil is connected');
  });
});
