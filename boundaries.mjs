/**
 * Who may import what (docs/ARCHITECTURE.md). Tags are set in each project.json: `type:` says what kind of project it is,
 * `vault:secret` that it can come near a plaintext credential.
 */
const NO_DRIVERS_IN_CORE = ['@nestjs/*', '@nats-io/*', 'pg', 'typeorm', '@aws-sdk/*'];

/** @type {import('@nx/eslint-plugin').DepConstraint[]} */
export const depConstraints = [
  { sourceTag: 'type:contract', onlyDependOnLibsWithTags: ['type:contract'] },
  {
    sourceTag: 'type:core',
    onlyDependOnLibsWithTags: ['type:core', 'type:contract'],
    bannedExternalImports: NO_DRIVERS_IN_CORE,
  },
  { sourceTag: 'type:adapter', onlyDependOnLibsWithTags: ['type:adapter', 'type:core', 'type:contract'] },
  { sourceTag: 'type:host', onlyDependOnLibsWithTags: ['type:contract'] },
  { sourceTag: 'type:app', onlyDependOnLibsWithTags: ['type:contract', 'type:core', 'type:adapter', 'type:host'] },
  { sourceTag: 'type:tool', onlyDependOnLibsWithTags: ['type:tool', 'type:contract', 'type:core', 'type:adapter'] },
  { sourceTag: 'type:test', onlyDependOnLibsWithTags: ['*'] },
  // These serve agents, auditors and browsers, or run on people's own machines: no path may lead from them to a key, not even an indirect one.
  { sourceTag: 'vault:forbidden', notDependOnLibsWithTags: ['vault:secret'] },
];

/** A spec may also use the test libraries and the embedded servers; everything else still holds. */
export const specDepConstraints = depConstraints.map((constraint) =>
  constraint.onlyDependOnLibsWithTags === undefined
    ? constraint
    : { ...constraint, onlyDependOnLibsWithTags: [...constraint.onlyDependOnLibsWithTags, 'type:test', 'type:tool'] },
);
