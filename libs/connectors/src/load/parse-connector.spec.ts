import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parse, stringify } from 'yaml';
import { render } from '../../test/tools.js';
import { Catalog } from '../catalog.js';
import { resolveProvider } from '../resolve/resolve-provider.js';
import { ConnectorError } from './connector-error.js';
import { checkPosted } from './check-posted.js';
import { parseConnector } from './parse-connector.js';

const MANIFEST = `name: acme
title: Acme
connection_parameters: { shop: { title: Shop, type: label } }
auth: { kind: api_key }
base_url: https://\${connection.shop}.acme.example/v1
origins: ['https://\${connection.shop}.acme.example']
headers: { X-Version: '7' }
query: { lang: en }
`;
const TOOLS = `- name: acme_get
  title: Get
  description: Gets a thing.
  effect: read
  input: { type: object, properties: { id: { type: string } }, required: [id] }
  request: { method: GET, path: '/things/{id}' }
`;

function failure(manifest: string, tools: string | null = TOOLS): string {
  try {
    parseConnector(manifest, tools);
  } catch (error) {
    return error instanceof ConnectorError ? error.message : `threw ${String(error)}`;
  }
  return 'accepted';
}

describe('a connector that an organization posts', () => {
  it('is a provider, and tools whose requests go where its parameters say', async () => {
    const { manifest, tools } = parseConnector(MANIFEST, TOOLS);
    const provider = resolveProvider(manifest, { connection: { shop: 'blue' } });
    const [tool] = tools;
    if (tool === undefined) throw new Error('there is no tool');
    expect(await render(tool, { id: 'a/b' }, { provider })).toMatchObject({
      method: 'GET',
      url: 'https://blue.acme.example/v1/things/a%2Fb?lang=en',
      headers: { accept: 'application/json', 'x-version': '7' },
      body: undefined,
    });
    await expect(render(tool, { id: 'a' })).rejects.toThrow(expect.objectContaining({ code: 'invalid_request' }));
    expect(parseConnector(MANIFEST, null).tools).toEqual([]);
  });

  it.each<[string, string, string, string]>([
    [
      'a variable',
      `${MANIFEST}variables: { url: x }\n`,
      TOOLS,
      'connector.yaml:9 (/variables): a posted connector has no variables',
    ],
    ['a reference to one', MANIFEST.replace('title: Acme', "title: '${url}'"), TOOLS, 'connector.yaml:2 (/title): ${url} is not'],
    [
      'http on this machine',
      MANIFEST.replaceAll('https://${connection.shop}.acme.example', 'http://127.0.0.1:8080'),
      TOOLS,
      'connector.yaml:5 (/base_url): a posted',
    ],
    [
      'https on this machine',
      MANIFEST.replaceAll('https://${connection.shop}.acme.example', 'https://localhost'),
      TOOLS,
      ':6 (/origins/0): a posted',
    ],
    [
      'https on the loopback address',
      MANIFEST.replaceAll('https://${connection.shop}.acme.example', 'https://[::1]:8'),
      TOOLS,
      'a posted connector has https',
    ],
    ['our traces', `${MANIFEST}propagate_trace: true\n`, TOOLS, ':9 (/propagate_trace)'],
    ['a broken tool', MANIFEST, TOOLS.replace('{id}', '{no}'), 'tools.yaml:6 (/0/request/path): there is no argument "no"'],
    ['too many tools', MANIFEST, TOOLS.repeat(201), 'tools.yaml:1 (/): a posted connector has at most 200 tools'],
    ['tools that are no list', MANIFEST, 'name: x', 'tools.yaml:1 (/)'],
    ['an empty text', '', TOOLS, 'connector.yaml:1 (/)'],
    ['too long a text', `${MANIFEST}#${'x'.repeat(3_000_000)}`, TOOLS, 'connector.yaml:1 (/): the file is larger'],
    ['a name that is a path', MANIFEST.replace('name: acme', 'name: ../acme'), TOOLS, 'connector.yaml:1 (/name)'],
    ['a reference in a reference', MANIFEST.replace('title: Acme', "title: '${connection.${secret}}'"), TOOLS, 'connector.yaml'],
  ])('is refused %s, with file, line and place', (_what, manifest, tools, expected) => {
    expect(failure(manifest, tools)).toContain(expected);
  });

  it('takes no name that is used already', () => {
    const { manifest, tools } = parseConnector(MANIFEST, TOOLS);
    const taken = new Catalog(new Map(tools.map((tool) => [tool.name, tool])), new Map([['acme', manifest]]));
    expect(() => parseConnector(MANIFEST, TOOLS, taken)).toThrow('connector.yaml:1 (/name): there is already a connector');
    const other = MANIFEST.replace('name: acme', 'name: other');
    expect(() => parseConnector(other, TOOLS, taken)).toThrow('tools.yaml:1 (/0/name): the connector "acme" already has a tool');
    expect(parseConnector(MANIFEST, TOOLS, taken.without('acme')).tools).toHaveLength(1);
  });

  const nasty = fc.oneof(
    fc.constantFrom<unknown>(
      '${secret}',
      '${connection.__proto__}',
      '${${x}}',
      '${connection.${app.x}}',
      'http://169.254.169.254',
      'https://a@b',
      'file:///etc/passwd',
      '__proto__',
      'constructor',
      Number.MAX_VALUE,
      -1,
      1e308,
      2 ** 60,
      null,
      true,
      [],
      {},
      '\u0000',
      '\u202e',
    ),
    fc.string({ maxLength: 8 }),
    fc.integer(),
  );
  const key = fc.oneof(
    fc.constantFrom(
      'name',
      'title',
      'auth',
      'kind',
      'base_url',
      'origins',
      'scopes',
      'default',
      'token_endpoint',
      'headers',
      'query',
      'refresh',
      'credential',
      'sources',
      'input',
      'request',
      'properties',
      'path',
      'constructor',
      '__proto__',
      'toString',
      '$ref',
    ),
    fc.string({ maxLength: 6 }),
  );
  const tree = fc.letrec((tie) => ({
    node: fc.oneof(
      { maxDepth: 5 },
      nasty,
      fc.array(tie('node'), { maxLength: 4 }),
      fc.dictionary(key, tie('node'), { maxKeys: 5 }),
    ),
  })).node;

  /** Nothing but a ConnectorError, and nothing of the process changed. */
  function survives(manifest: string, tools: string | null): void {
    expect(failure(manifest, tools)).not.toMatch(/^threw/);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  }

  it('whatever the text: it is taken, or refused as a connector is', () => {
    const punctuation = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ':',
      '- ',
      '&a',
      '*a',
      '!!js',
      '|',
      '>',
      '\n',
      '  ',
      '"',
      "'",
      '%',
      '@',
      '\t',
      '---',
      '?',
      '<<',
      '#',
      '\u0000',
      'a',
    );
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: punctuation, maxLength: 60 }), fc.string({ unit: 'binary', maxLength: 40 })),
        (text) => {
          survives(text, null);
          survives(MANIFEST, text);
          survives(`${MANIFEST}${text}`, TOOLS);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('whatever the value: anywhere in a connector that was good', () => {
    fc.assert(
      fc.property(tree, tree, key, (top, inner, name) => {
        survives(stringify(top), stringify(inner));
        survives(`${MANIFEST}${stringify({ [name]: inner })}`, null);
        survives(
          MANIFEST,
          stringify([{ name: 'acme_x', title: 'X', description: 'X', effect: 'read', input: inner, request: top }]),
        );
        survives(
          MANIFEST,
          stringify([
            {
              name: 'acme_x',
              title: 'X',
              description: 'X',
              effect: 'read',
              input: { type: 'object', properties: top },
              request: { method: 'POST', path: '/x', body: inner },
            },
          ]),
        );
      }),
      { numRuns: 100 },
    );
  });

  it.each(['http://127.0.0.1:1/x', 'https://evil.example/x.json', 'file:///etc/passwd', '../x.json', 'x', ''])(
    'never follows $ref to %j',
    (ref) => {
      const tools = TOOLS.replace('{ type: string }', `{ $ref: '${ref}' }`);
      expect(failure(MANIFEST, tools)).toContain('/0/input/properties/id/$ref): must point into this schema');
    },
  );
});

describe('where the secret of a registration goes', () => {
  const manifest = (parameter: string, method = 'client_secret_basic') => `name: acme
title: Acme
connection_parameters: { host: { title: Host, ${parameter} } }
auth:
  kind: oauth2_authorization_code
  authorization_endpoint: https://acme.example/authorize
  token_endpoint: https://\${connection.host}/token
  token_endpoint_auth_method: ${method}
base_url: https://acme.example
origins: ['https://acme.example']
`;
  const CHOSEN = 'one_of or host_suffixes';

  it.each([
    ['anybody’s host', 'type: hostname', CHOSEN],
    ['a host that comes with the browser', 'type: hostname, source: { callback: host }', CHOSEN],
    ['one of the hosts that are listed', 'type: hostname, one_of: [eu.acme.example, us.acme.example]', 'accepted'],
    ['a host of the provider’s', 'type: hostname, host_suffixes: [.acme.example]', 'accepted'],
    ['a host that the provider itself states', 'type: hostname, source: { token_response: /host }', 'accepted'],
  ])('is not for whoever connects to choose: %s', (_what, parameter, expected) => {
    expect(failure(manifest(parameter), null)).toContain(expected);
  });

  it.each([
    ['a parameter', "  token_request: { parameters: { secret: '${client.secret}' } }\n"],
    ['a revocation', "revocation: { endpoint: 'https://${connection.host}/end', authentication: basic }\n"],
  ])('nor where it is %s that holds it', (_what, more) => {
    const text = manifest('type: hostname', 'none').replace('base_url', more.startsWith(' ') ? `${more}base_url` : 'base_url');
    expect(failure(more.startsWith(' ') ? text : text + more, null)).toContain(CHOSEN);
  });

  it('where there is none, anybody’s host will do', () => {
    expect(failure(manifest('type: hostname', 'none'), null)).toBe('accepted');
  });
});

describe('a text of many keys', () => {
  const keys = Array.from({ length: 40_000 }, (_, index) => `k${index}: 1`);

  it.each([
    ['in lines', keys.join('\n')],
    ['in braces', `{${keys.join(',')}}`],
  ])('%s is refused without comparing each with every other', (_how, text) => {
    const begun = performance.now();
    expect(failure(MANIFEST, text)).toContain('tools.yaml');
    // Ten times what a slow machine needs, and a fraction of what the square of them takes.
    expect(performance.now() - begun).toBeLessThan(6_000);
  });

  it.each([
    ['in lines', 'title: Again\n', 9],
    ['in braces', 'limits: { max_attempts: 1, max_attempts: 2 }\n', 9],
    ['quoted', '"title": Again\n', 9],
  ])('that holds one twice, %s, is refused at the second', (_how, more, line) => {
    expect(failure(`${MANIFEST}${more}`)).toContain(`connector.yaml:${line} (/): Map keys must be unique`);
  });

  it('has its arguments checked where it keeps nobody from anything', async () => {
    const tools = TOOLS.replace('id: { type: string }', () => 'id: { type: string, pattern: "^(a|a)*$" }');
    const [tool] = parseConnector(MANIFEST, tools, undefined, 'acme').tools;
    const began = performance.now();
    const hostile = tool?.validateArguments({ id: `${'a'.repeat(60)}!` });
    expect(performance.now() - began).toBeLessThan(1_000);
    await expect(hostile).rejects.toThrow(expect.objectContaining({ code: 'invalid_arguments' }));
    await expect(tool?.validateArguments({})).rejects.toThrow('/id: is required');
    await expect(tool?.validateArguments({ id: 'aaa' })).resolves.toBeUndefined();
  }, 30_000);

  it('has schemas that compile, which keeps nobody waiting but who posts them', async () => {
    const toolsWith = (...inputs: object[]) =>
      stringify(
        inputs.map((input, index) => ({
          ...(parse(TOOLS) as object[])[0],
          ...{ name: `acme_do_${index}`, input, request: { method: 'POST', path: '/things/{id}', body: '$' }, effect: 'write' },
        })),
      );
    const properties = Object.fromEntries(
      Array.from({ length: 1_200 }, (_, index) => [`p${index}`, { type: 'string', minLength: 1 }]),
    );
    const large = { type: 'object', properties: { id: {}, ...properties }, required: ['id'], dependentRequired: { p1: [] } };
    const began = performance.now();
    const { tools } = parseConnector(MANIFEST, toolsWith(...Array.from({ length: 5 }, () => structuredClone(large))));
    const parsedMs = performance.now() - began;
    await checkPosted(tools);
    expect(performance.now() - began).toBeGreaterThan(2 * parsedMs);

    const broken = { type: 'object', properties: { id: { $ref: '#/$defs/none' } }, required: ['id'] };
    const [good, bad] = parseConnector(MANIFEST, toolsWith({ ...broken, properties: { id: {} } }, broken)).tools;
    await expect(checkPosted([good, bad].flatMap((tool) => tool ?? []))).rejects.toThrow(
      /^tools\.yaml:1 \(\/1\/input\): the schema of "acme_do_1" is not a valid JSON Schema: can't resolve reference/,
    );
  }, 60_000);
});
