import type { ProviderManifest, UserAuthorization } from '@keyward/connectors';
import { classifyRefusal, classifyThrown, malformed } from '../classify.js';
import { OAuthError } from '../errors.js';
import { readJson } from '../read-answer.js';
import { fillAll } from '../request/fill.js';
import { valueAt } from '@keyward/contracts';
import { secureUrl } from '../server.js';
import type { OAuthClient, Wire } from '../wire.js';
import { nextPage } from './next-page.js';

export interface InstallationQuestion {
  provider: ProviderManifest;
  person: UserAuthorization;
  client: OAuthClient;
  /** The person's. */
  accessToken: string;
  installationId: string;
}

/** Each of some hundred kilobytes at most. Nobody acts for so many installations of one app. */
const MAX_PAGES = 20;

/**
 * Whether the installation is among those that the provider lists for the person.
 * @param wire with a deadline over all pages
 * @throws OAuthError
 */
export async function isListed(question: InstallationQuestion, wire: Wire): Promise<boolean> {
  const { provider, person, installationId } = question;
  const { endpoint, next_page } = person.installations;
  const { origin } = secureUrl(endpoint, 'endpoint');
  let page: string | undefined = endpoint;
  for (let asked = 0; page !== undefined; asked++) {
    if (asked === MAX_PAGES) throw malformed(provider, `more than ${MAX_PAGES} pages of installations`);
    const { ids, link } = await readPage(question, page, wire);
    if (ids.includes(installationId)) return true;
    page = next_page === 'link' ? nextPage(link, page) : undefined;
    // The token goes along.
    if (page !== undefined && URL.parse(page)?.origin !== origin) throw malformed(provider, 'a next page that is elsewhere');
  }
  return false;
}

async function readPage(
  { provider, person, client, accessToken }: InstallationQuestion,
  url: string,
  wire: Wire,
): Promise<{ ids: string[]; link: string | null }> {
  const { headers, list, id } = person.installations;
  const { signal } = wire;
  try {
    const response = await wire.fetch(url, {
      method: 'GET',
      headers: {
        accept: 'application/json',
        ...fillAll(provider, headers, { client }),
        authorization: `Bearer ${accessToken}`,
      },
      redirect: 'manual',
      ...(signal === undefined ? {} : { signal }),
    });
    const json = await readJson(provider, response);
    // What is refused here is the person's token, not our registration.
    if (response.status !== 200) throw classifyRefusal(provider, response.status, response.headers, 'access_denied');
    const entries = valueAt(json, list);
    if (!Array.isArray(entries)) throw malformed(provider, 'no list of installations', response.status);
    return { ids: entries.map((entry: unknown) => idOf(provider, valueAt(entry, id))), link: response.headers.get('link') };
  } catch (thrown) {
    throw thrown instanceof OAuthError ? thrown : classifyThrown(provider, thrown);
  }
}

/** A number beyond what is exact could be read as another's. */
function idOf(provider: ProviderManifest, value: unknown): string {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  if (typeof value === 'string' && value !== '') return value;
  throw malformed(provider, 'an installation without an id');
}
