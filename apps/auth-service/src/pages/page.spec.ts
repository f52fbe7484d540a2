import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { consentPage, type ConsentView } from './consent-page.js';
import { connectedPage, endPage } from './end-pages.js';
import { contentSecurityPolicy, renderPage } from './page.js';

const XSS = '"><script>alert(1)</script>';
const view: ConsentView = {
  organization: 'Acme',
  agents: ['Scribe'],
  user: 'usr_ada',
  provider: { title: 'Sandbox' },
  settled: [],
  way: 'redirect',
  existing: 'none',
  fields: [],
  alias: 'default',
  scopes: [
    { name: 'notes:read', description: 'Read your notes', added: false },
    { name: 'notes:write', description: undefined, added: false },
  ],
  action: '/connect/token',
  csrfToken: 'csrf-token',
  formTargets: ['http://127.0.0.1:8090'],
};

describe('consentPage', () => {
  it('says who asks, for which agent and user, what for and what becomes of the key', () => {
    const text = renderPage(consentPage(view)).replace(/\s+/g, ' ');
    for (const fact of [
      'Acme',
      'Scribe',
      'usr_ada',
      'Connect your Sandbox account',
      'Read your notes',
      'notes:write',
      'never see it',
    ]) {
      expect(text).toContain(fact);
    }
    expect(text).toContain('<html lang="en">');
    expect(text).toContain('name="viewport"');
    expect(text).toMatch(/<button[^>]*value="continue"[^>]*>Continue to Sandbox<\/button>/);
    expect(text).toMatch(/<button[^>]*value="cancel"[^>]*>Cancel<\/button>/);
  });

  it('has no script and nothing from elsewhere', () => {
    const text = renderPage(consentPage(view));
    expect(text).not.toMatch(/<script|<link|<img|<iframe|javascript:|https?:\/\/| on[a-z]+=/i);
  });

  it('shows hostile names as text', () => {
    const hostile: ConsentView = {
      ...view,
      organization: XSS,
      agents: [XSS],
      user: XSS,
      provider: { title: XSS },
      settled: [{ label: XSS, value: XSS }],
      problem: XSS,
      fields: [{ name: 'parameter.x', label: XSS, hint: XSS, value: XSS, error: XSS, kind: 'text', required: true }],
      alias: XSS,
      scopes: [{ name: XSS, description: XSS, added: true }],
      action: XSS,
      csrfToken: XSS,
    };
    expect(renderPage(consentPage(hostile))).not.toContain('<script');
    expect(renderPage(connectedPage({ provider: XSS, agents: [XSS], user: XSS, account: XSS }))).not.toContain('<script');
  });
});

describe('contentSecurityPolicy', () => {
  it('allows the one style sheet, the form’s targets and no frame', () => {
    const page = consentPage(view);
    const style = /<style>(.*)<\/style>/s.exec(renderPage(page))?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(contentSecurityPolicy(page)).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; form-action 'self' https: http://127.0.0.1:8090; frame-ancestors 'none'; base-uri 'none'`,
    );
  });

  it('lets a page without a form send nothing', () => {
    expect(contentSecurityPolicy(connectedPage({ provider: 'Sandbox', agents: ['Scribe'], user: 'usr_ada' }))).toContain(
      "form-action 'none'",
    );
  });
});

it('the end page links back to the registered place only', () => {
  const page = endPage({
    status: 200,
    title: 'Not connected',
    sentence: 'You declined.',
    returnUrl: 'https://app.example/done?x=1&y=2',
  });
  expect(renderPage(page)).toContain('href="https://app.example/done?x=1&amp;y=2"');
  expect(renderPage(endPage({ status: 410, title: 'Gone', sentence: 'Over.' }))).not.toContain('<a ');
});
