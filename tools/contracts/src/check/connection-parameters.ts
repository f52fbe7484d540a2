import type { ProviderManifest } from '@keyward/connectors';

const BY_TYPE: Readonly<Record<string, string>> = {
  label: 'acme',
  hostname: 'acme.example.com',
  origin: 'https://acme.example.com',
  identifier: '11223344-a1b2-3b33-c444-def123456789',
  email: 'ada@example.com',
};

interface Declared {
  readonly type: string;
  readonly default?: string | undefined;
  readonly example?: string | undefined;
  readonly one_of?: readonly string[] | undefined;
  readonly host_suffixes?: readonly string[] | undefined;
}

/** A value for each parameter that a connection or registration has: what the manifest proposes, else one of its type. */
export function parametersFor(declared: Readonly<Record<string, Declared>>, given: Readonly<Record<string, string>>) {
  return Object.fromEntries(
    Object.entries(declared).map(([name, one]): [string, string] => [name, given[name] ?? valueFor(one)]),
  );
}

function valueFor({ type, default: proposed, example, one_of: choices, host_suffixes: suffixes }: Declared): string {
  const value = proposed ?? choices?.[0] ?? example;
  if (value !== undefined) return value;
  if (suffixes?.[0] !== undefined) return type === 'origin' ? `https://acme${suffixes[0]}` : `acme${suffixes[0]}`;
  return BY_TYPE[type] ?? 'acme';
}

/** What a manifest's late references are filled with. */
export function valuesFor(manifest: ProviderManifest, given: Readonly<Record<string, string>>) {
  return {
    connection: parametersFor(manifest.connection_parameters, given),
    app: parametersFor(manifest.app_parameters, {}),
    clientId: 'client',
  };
}
