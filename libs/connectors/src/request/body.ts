import { Buffer } from 'node:buffer';
import { KeywardError } from '@keyward/contracts';
import type { HttpRequest } from '../manifest/request-definition.js';
import type { ProviderManifest } from '../manifest/provider-manifest.js';
import type { Fail } from '../tool/compile-tool.js';
import { assertMemberAbsent, checkCredentialMember } from './fixed-parts.js';
import { inside, type Inputs, type Mapped, type MappingCompiler } from './mapping.js';
import { pairsOf, textOf } from './query.js';

export interface Content {
  readonly type: string;
  readonly data: string | Buffer;
}

/** @param change sets what pagination puts into a JSON body */
export type RenderedBody = (inputs: Inputs, change?: (body: unknown) => unknown) => Content | Promise<Content>;

type Part = NonNullable<HttpRequest['multipart']>[number];
type Encoding = 'text' | 'base64';

const MEDIA_TYPE = /^[\w!#$&^.+-]{1,64}\/[\w!#$&^.+-]{1,128}(?:; ?[\w-]{1,64}=[\w."+-]{1,128}){0,5}$/;
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

/** Undefined where the request has no body. */
export function compileBody(
  request: HttpRequest,
  mappings: MappingCompiler,
  provider: ProviderManifest,
  fail: Fail,
): RenderedBody | undefined {
  const { body, form, multipart, upload } = request;
  if (body !== undefined) return compileJson(body, mappings, provider, inside('body', fail));
  if (form === undefined && multipart === undefined && upload === undefined) return undefined;
  if (provider.credential.in === 'body') fail([], 'the credential stands in the JSON body, so that the request needs one');
  if (form !== undefined) return compileForm(form, mappings, inside('form', fail));
  if (multipart !== undefined) return compileMultipart(multipart, mappings, inside('multipart', fail));
  return compileUpload(upload as NonNullable<typeof upload>, mappings, inside('upload', fail));
}

export function compileJson(
  body: unknown,
  mappings: MappingCompiler,
  { credential }: ProviderManifest,
  fail: Fail,
): RenderedBody {
  const member = credential.in === 'body' ? credential.name : undefined;
  if (member !== undefined) checkCredentialMember(member, body, mappings.declared.names, fail);
  const mapped = mappings.compile(body, fail);
  return (inputs, change) => {
    const content = mapped(inputs);
    if (member !== undefined) assertMemberAbsent(content, member);
    return { type: 'application/json', data: JSON.stringify((change === undefined ? content : change(content)) ?? null) };
  };
}

/** https://url.spec.whatwg.org/#application/x-www-form-urlencoded */
function compileForm(form: NonNullable<HttpRequest['form']>, mappings: MappingCompiler, fail: Fail): RenderedBody {
  const members = mappings.compileMembers(form, fail);
  return (inputs) => ({
    type: 'application/x-www-form-urlencoded',
    data: new URLSearchParams([...pairsOf(members, inputs, 'form field')]).toString(),
  });
}

/** RFC 7578. The platform writes it, and escapes what a name or a file name could break out with. */
function compileMultipart(parts: readonly Part[], mappings: MappingCompiler, fail: Fail): RenderedBody {
  const append = parts.map((part, index) => compilePart(part, mappings, inside(index, fail)));
  return async (inputs) => {
    const form = new FormData();
    for (const each of append) each(form, inputs);
    const encoded = new Response(form);
    const data = Buffer.from(await encoded.arrayBuffer());
    return { type: encoded.headers.get('content-type') as string, data };
  };
}

function compilePart(part: Part, mappings: MappingCompiler, fail: Fail): (form: FormData, inputs: Inputs) => void {
  const { name } = part;
  if ('value' in part) {
    const value: Mapped = mappings.compile(part.value, inside('value', fail));
    return (form, inputs) => {
      for (const [, text] of pairsOf([[name, value]], inputs, 'field')) form.append(name, text);
    };
  }
  const file = mappings.compile(part.file, inside('file', fail));
  const filename = mappings.compile(part.filename, inside('filename', fail));
  const type = compileType(part.type, mappings, inside('type', fail));
  return (form, inputs) => {
    const content = file(inputs);
    if (content === undefined || content === null) return;
    const blob = new Blob([new Uint8Array(bytesOf(content, part.encoding, `The file ${name}`))], { type: type(inputs) });
    form.append(name, blob, textOf(filename(inputs) ?? '', `The name of the file ${name}`) || 'file');
  };
}

function compileUpload(
  { content, type, encoding }: NonNullable<HttpRequest['upload']>,
  mappings: MappingCompiler,
  fail: Fail,
): RenderedBody {
  const mapped = mappings.compile(content, inside('content', fail));
  const mediaType = compileType(type, mappings, inside('type', fail));
  return (inputs) => ({ type: mediaType(inputs), data: bytesOf(mapped(inputs), encoding, 'The upload') });
}

function compileType(type: unknown, mappings: MappingCompiler, fail: Fail): (inputs: Inputs) => string {
  if (typeof type === 'string' && !type.startsWith('$') && !MEDIA_TYPE.test(type)) fail([], 'is not a media type');
  const mapped = mappings.compile(type, fail);
  return (inputs) => {
    const text = mapped(inputs) ?? 'application/octet-stream';
    if (typeof text === 'string' && MEDIA_TYPE.test(text)) return text;
    throw new KeywardError('invalid_arguments', 'The media type that the arguments give is none.');
  };
}

function bytesOf(value: unknown, encoding: Encoding, subject: string): Buffer {
  const text = textOf(value ?? '', subject);
  if (encoding === 'text') return Buffer.from(text);
  if (BASE64.test(text)) return Buffer.from(text, 'base64');
  throw new KeywardError('invalid_arguments', `${subject} must be base64.`);
}
