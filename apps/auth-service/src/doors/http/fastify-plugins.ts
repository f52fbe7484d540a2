import cookie from '@fastify/cookie';
import formbody from '@fastify/formbody';
import { limitFailedAuthentications, limitPublicRoutes, type ClientLimits } from '@keyward/service-host';
import type { FastifyInstance } from 'fastify';
import { keepRawBodies } from './raw-body.js';

/** Of our forms the longest holds a private key, every line break of it percent-encoded. */
const FORM_BYTES = 24_576;
/** Signed over their bytes. */
const RAW_BODIES = ['/oauth/webhook/:context'];

export async function registerPlugins(instance: FastifyInstance, limits: ClientLimits): Promise<void> {
  await instance.register(cookie);
  await instance.register(formbody, { bodyLimit: FORM_BYTES });
  keepRawBodies(instance, RAW_BODIES);
  await limitPublicRoutes(instance, limits);
  limitFailedAuthentications(instance, limits);
}
