import { JsonClient } from '@keyward/sdk';
import type { StackInfo } from '../stack-info.js';
import { Browser, type Page } from './browser.js';
import { firstForm, heading, type Form } from './form.js';

const MAX_PAGES = 8;

export interface ConnectOptions {
  /** Whose account, as the platform names people. Default: the stack's user. */
  user?: string;
  /** The agent that asks. Default: the stack's. */
  agentKey?: string;
  /** Left out: the connector's default scopes. */
  scopes?: string[];
  alias?: string;
  /** The account at the sandbox. Default: the stack's. */
  login?: AtHand;
  /** Told what the person sees and does on each page. */
  onPage?: (title: string, action: string) => void;
}

/** What of a stack it takes. */
export type Connectable = Pick<StackInfo, 'gatewayUrl' | 'agentKey' | 'user' | 'sandbox'>;

/**
 * Connects a person's account at the sandbox as that person would: opens the Connect link, continues, signs in, allows, and comes
 * back; all by HTTP, with cookies.
 * @throws Error with the page on which the way ended otherwise
 */
export async function connectUser({ info }: { info: Connectable }, options: ConnectOptions = {}): Promise<void> {
  const agent = new JsonClient(info.gatewayUrl, options.agentKey ?? info.agentKey);
  const session = await agent.post<{ url: string }>('/v1/connect-sessions', {
    user: options.user ?? info.user,
    provider: 'sandbox',
    ...(options.scopes === undefined ? {} : { scopes: options.scopes }),
    ...(options.alias === undefined ? {} : { alias: options.alias }),
  });
  await walkConnectPages(session.url, options.login ?? info.sandbox, options.onPage);
}

/** What a person has at hand: an account at the sandbox, or a key that they were given there. */
export interface AtHand {
  user: string;
  password: string;
  secret?: string;
}

/** Goes on from page to page, signing in where asked to, until there is no form left. */
export async function walkConnectPages(
  url: string,
  login: AtHand,
  onPage: (title: string, action: string) => void = () => undefined,
): Promise<void> {
  const browser = new Browser();
  const origin = new URL(url).origin;
  let page = await browser.open(url);
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    const form = firstForm(page.html);
    if (form === undefined) break;
    const [button] = form.buttons;
    onPage(heading(page.html), button?.label ?? 'go on');
    page = await browser.open(new URL(form.action, page.url).href, filledIn(form, login));
  }
  if (page.status !== 200 || page.url.origin !== origin || !heading(page.html).endsWith(' is connected')) throw lost(page);
  onPage(heading(page.html), '');
}

function filledIn(form: Form, login: AtHand): URLSearchParams {
  const sent = new URLSearchParams();
  const asksForPassword = form.fields.some((field) => field.type === 'password');
  for (const { name, value, type } of form.fields) {
    if (name === 'secret') sent.append(name, login.secret ?? '');
    else if (type === 'password') sent.append(name, login.password);
    else sent.append(name, asksForPassword && type === 'text' ? login.user : value);
  }
  const [button] = form.buttons;
  if (button !== undefined && button.name !== '') sent.append(button.name, button.value);
  return sent;
}

function lost(page: Page): Error {
  const text = page.html
    .replace(/<style[\s\S]*?<\/style>|<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return new Error(`connecting ended on ${page.url.origin}${page.url.pathname} (${page.status}): ${text.slice(0, 400)}`);
}
