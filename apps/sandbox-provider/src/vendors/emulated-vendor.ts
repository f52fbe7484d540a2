import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openVendor, type Heard, type SentRequest, type Vendor } from '@keyward/vendor-emulation';
import { parse } from 'yaml';
import { z } from 'zod';
import { Memory } from './memory.js';
import { readRules } from './rules.js';

const credentialSchema = z
  .discriminatedUnion('in', [
    z.object({ in: z.literal('header'), name: z.string(), prefix: z.string().default('') }),
    z.object({ in: z.literal('query'), name: z.string() }),
  ])
  .default({ in: 'header', name: 'authorization', prefix: 'Bearer ' });
const manifestSchema = z.object({
  title: z.string(),
  auth: z.object({
    scopes: z.object({
      separator: z.string().default(' '),
      default: z.array(z.string()).default([]),
      descriptions: z.record(z.string(), z.string()).default({}),
    }),
  }),
  credential: credentialSchema,
});

/** One vendor, as its connector's folder describes it. */
export class EmulatedVendor {
  private readonly memory: Memory;

  private constructor(
    private readonly vendor: Vendor,
    private readonly manifest: z.infer<typeof manifestSchema>,
    folder: string,
  ) {
    this.memory = new Memory(readRules(folder));
  }

  /** @throws Error that says what of the folder can not be emulated */
  static open(folder: string): EmulatedVendor {
    if (!['contract.json', 'contract.graphql'].some((file) => existsSync(join(folder, file))))
      throw new Error(`${folder} holds no contract: there is nothing to emulate`);
    const manifest = manifestSchema.safeParse(parse(readFileSync(join(folder, 'connector.yaml'), 'utf8')));
    if (!manifest.success) throw new Error(`${folder} can not be emulated: ${z.prettifyError(manifest.error)}`);
    return new EmulatedVendor(openVendor(folder), manifest.data, folder);
  }

  /** What its consent page may ask for, in words. */
  get scopes(): Readonly<Record<string, string>> {
    const { descriptions, default: usual } = this.manifest.auth.scopes;
    return { ...Object.fromEntries(usual.map((scope) => [scope, scope])), ...descriptions };
  }

  get title(): string {
    return this.manifest.title;
  }

  /** Scopes as this vendor is asked for them, as RFC 6749 section 3.3 has it. */
  standardScope(asked: string): string {
    return asked.split(this.manifest.auth.scopes.separator).join(' ');
  }

  /** The credential of a request, where this vendor looks for it, and the request without it. */
  apart(request: SentRequest): { token: string | undefined; request: SentRequest } {
    const place = this.manifest.credential;
    if (place.in === 'header') {
      const value = request.headers[place.name.toLowerCase()];
      const carried = value?.toLowerCase().startsWith(place.prefix.toLowerCase()) === true;
      return { token: carried ? value?.slice(place.prefix.length) : undefined, request };
    }
    const url = new URL(request.url);
    const token = url.searchParams.get(place.name) ?? undefined;
    url.searchParams.delete(place.name);
    return { token, request: { ...request, url: url.href } };
  }

  hear(request: SentRequest, scopes: ReadonlySet<string>): Promise<Heard> {
    return this.vendor.hear(request, true, this.memory.openTo(scopes));
  }
}
