/** Whether something of a schema is not deprecated. */
export function isCurrent({ deprecationReason }: { deprecationReason?: string | null | undefined }): boolean {
  return typeof deprecationReason !== 'string';
}

/** Of an argument or a field of an input: whether it is left to its default where nothing is said. */
export function hasDefault({ defaultValue, default: given }: { defaultValue?: unknown; default?: unknown }): boolean {
  return defaultValue !== undefined || given !== undefined;
}
