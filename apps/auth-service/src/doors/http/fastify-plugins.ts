import cookie from '@fastify/cookie';
import formbody from '@fastify/formbody';
import { limitFailedAuthentications, limitPublicRoutes, type ClientLimits } from '@keyward/service-host';
import type { FastifyInstance } from 'fastify';

/** Our one form has two short fields. */
const FORM_BYTES = 4_096;

export async function registerPlugins(instance: FastifyInstance, limits: ClientLimits): Promise<void> {
  await instance.register(cookie);
  await instance.register(formbody, { bodyLimit: FORM_BYTES });
  await limitPublicRoutes(instance, limits);
  limitFailedAuthentications(instance, limits);
}
