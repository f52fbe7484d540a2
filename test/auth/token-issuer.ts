import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';

type Algorithm = 'RS256' | 'ES256' | 'EdDSA';

/** An issuer of workload identities, as a Kubernetes API server is one: discovery, a key set, and tokens signed by its keys. */
export class TokenIssuer {
  /** Every path that was asked for. */
  readonly asked: string[] = [];
  /** What the key set is answered with instead of its keys. */
  broken: number | undefined;
  jwks: JWK[] = [];
  /** Whom its tokens are for. */
  audience = 'keyward';
  /** What the discovery document says instead. */
  discovery: object | undefined;
  #keys = new Map<string, { privateKey: CryptoKey; alg: Algorithm }>();

  private constructor(
    private readonly server: http.Server,
    readonly url: string,
  ) {}

  static async start(): Promise<TokenIssuer> {
    const server = http.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const issuer = new TokenIssuer(server, `http://127.0.0.1:${port}`);
    server.on('request', (request, response) => {
      issuer.asked.push(request.url ?? '');
      const body = issuer.#answer(request.url);
      response.writeHead(issuer.broken ?? (body === undefined ? 404 : 200), { 'content-type': 'application/json' });
      response.end(JSON.stringify(body ?? {}));
    });
    return issuer;
  }

  stop(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  async addKey(kid: string, alg: Algorithm = 'RS256'): Promise<void> {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    this.jwks.push({ ...(await exportJWK(publicKey)), kid, alg, use: 'sig' });
    this.#keys.set(kid, { privateKey, alg });
  }

  /** A token as a pod gets it: projected, bound to its service account, an hour long. */
  sign(
    claims: Record<string, unknown> = {},
    { kid = 'one', header = {} }: { kid?: string; header?: object } = {},
  ): Promise<string> {
    const key = this.#keys.get(kid);
    if (key === undefined) throw new Error(`there is no key ${kid}`);
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT({
      ...{ iss: this.url, aud: [this.audience], sub: 'system:serviceaccount:payments:scribe' },
      ...{ iat: now, nbf: now, exp: now + 3600, jti: 'b7d1' },
      'kubernetes.io': {
        ...{ namespace: 'payments', node: { name: 'n1', uid: '1' }, pod: { name: 'scribe-0', uid: '2' } },
        serviceaccount: { name: 'scribe', uid: '3' },
      },
      ...claims,
    })
      .setProtectedHeader({ alg: key.alg, kid, ...header })
      .sign(key.privateKey);
  }

  #answer(path: string | undefined): object | undefined {
    if (path === '/.well-known/openid-configuration') {
      if (Array.isArray(this.discovery)) return this.discovery;
      return {
        ...{ issuer: this.url, jwks_uri: `${this.url}/openid/v1/jwks`, response_types_supported: ['id_token'] },
        ...{ subject_types_supported: ['public'], id_token_signing_alg_values_supported: ['RS256'] },
        ...this.discovery,
      };
    }
    return path === '/openid/v1/jwks' ? { keys: this.jwks } : undefined;
  }
}
