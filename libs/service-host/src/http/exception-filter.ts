import { HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { asKeywardError, KeywardError, toProblem, type ErrorCode } from '@keyward/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { throwError, type Observable } from 'rxjs';
import type { Routes } from './routes.js';
import { traceIdOf } from './server-span.js';

/** What Nest and Fastify refuse by themselves, in our words: their texts quote the request. */
const REFUSALS: Record<number, [ErrorCode, string]> = {
  400: ['invalid_request', 'The request is not valid HTTP or its URL is malformed.'],
  401: ['unauthenticated', 'Credentials are missing or not valid.'],
  403: ['forbidden', 'This is not allowed.'],
  404: ['not_found', 'There is nothing at this path.'],
  408: ['deadline_exceeded', 'The request took too long to arrive.'],
  413: ['request_too_large', 'The request body is too large.'],
  414: ['invalid_request', 'The URL is too long.'],
  415: ['unsupported_media_type', 'Send the body as application/json.'],
  429: ['rate_limited', 'Too many requests.'],
};

/**
 * The last stop of everything that was thrown. HTTP callers get a problem (RFC 9457); its private cause goes to the log under the
 * same trace id. On message doors the error passes through as it is: Nest would replace it by "Internal server error" before the
 * transport could see whether a retry helps.
 */
export class KeywardExceptionFilter implements ExceptionFilter {
  constructor(
    private readonly logger: Logger,
    private readonly routes: Routes,
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): Observable<never> | void {
    if (host.getType() !== 'http') return throwError(() => thrown);
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const error = this.refusalOf(thrown, request, reply) ?? asKeywardError(thrown);
    const traceId = traceIdOf(request);
    this.log(error, request, traceId);
    if (reply.sent) return;
    void reply
      .headers(headersFor(error))
      .status(error.httpStatus)
      .header('content-type', 'application/problem+json; charset=utf-8')
      .send(JSON.stringify(toProblem(error, traceId)));
  }

  private refusalOf(thrown: unknown, request: FastifyRequest, reply: FastifyReply): KeywardError | undefined {
    if (!(thrown instanceof HttpException)) return undefined;
    const status = thrown.getStatus();
    const allowed = status === 404 ? this.routes.methodsAt(request.url) : [];
    if (allowed.length > 0) {
      // RFC 9110 section 15.5.6: a 405 must carry Allow.
      void reply.header('allow', allowed.join(', '));
      return new KeywardError('method_not_allowed', `This path accepts ${allowed.join(', ')}.`);
    }
    const [code, sentence] = REFUSALS[status] ?? (status < 500 ? ['invalid_request' as const, 'The request is not valid.'] : []);
    return code === undefined || sentence === undefined ? undefined : new KeywardError(code, sentence, { cause: thrown });
  }

  /** Callers' mistakes are theirs to see, and must not fill our log; ours are errors. */
  private log(error: KeywardError, request: FastifyRequest, traceId: string | undefined): void {
    const fields = { code: error.code, method: request.method, route: request.routeOptions.url, trace_id: traceId };
    if (error.code === 'internal') this.logger.error({ ...fields, err: error.cause ?? error }, 'request failed');
    else if (error.httpStatus >= 500) this.logger.warn({ ...fields, err: error.cause ?? error }, 'request failed');
    else this.logger.debug({ ...fields, err: error.cause }, 'request refused');
  }
}

function headersFor({ code, details }: KeywardError): Record<string, string> {
  // RFC 9110 section 11.6.1: a 401 must carry a challenge. Section 10.2.3: Retry-After counts in seconds.
  if (code === 'unauthenticated') return { 'www-authenticate': 'Bearer' };
  return details.retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(details.retryAfterMs / 1000)) };
}
