import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { laidOver, type Reply } from '@keyward/vendor-emulation';

const argumentsSchema = z.record(z.string(), z.unknown());
const sampleSchema = z.strictObject({
  arguments: z.union([argumentsSchema, z.array(argumentsSchema).min(1)]).optional(),
  /** Of each step, what it is answered: laid over what the description says. */
  steps: z.record(z.string(), z.unknown()).default({}),
});
const connectionSchema = z.record(z.string(), z.string());

export type Sample = z.infer<typeof sampleSchema>;

export interface Samples {
  /** Parameters of the connection. */
  readonly connection: Readonly<Record<string, string>>;
  readonly tools: Readonly<Record<string, Sample>>;
}

const NONE: Sample = { steps: {} };

/** `connectors/<c>/samples.yaml`, where there is one. */
export function readSamples(folder: string): Samples {
  const file = join(folder, 'samples.yaml');
  if (!existsSync(file)) return { connection: {}, tools: {} };
  const { $connection: connection = {}, ...tools } = z
    .record(z.string(), z.unknown())
    .parse(parse(readFileSync(file, 'utf8')) ?? {});
  return { connection: connectionSchema.parse(connection), tools: z.record(z.string(), sampleSchema).parse(tools) };
}

export function sampleOf(samples: Samples, tool: string): Sample {
  return samples.tools[tool] ?? NONE;
}

/** The sample's answer to a step, laid over what was described: objects and items of lists are joined, everything else replaces. */
export function withSample(reply: Reply, { steps }: Sample, step: string): Reply {
  if (!Object.hasOwn(steps, step)) return reply;
  // Where the description knows of no answer and the sample does, there is one.
  return { ...reply, status: reply.status === 204 ? 200 : reply.status, body: laidOver(reply.body, steps[step]) };
}
