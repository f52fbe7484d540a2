import type { AppParameter, ConnectionParameter, ProviderManifest, Tool } from '@keyward/connectors';
import type { Connector, ConnectorDetail } from '@keyward/contracts';
import type { ConnectorEntity } from '@keyward/postgres';

type Posted = Pick<ConnectorEntity, 'version' | 'manifest' | 'tools'> | undefined;

export function toConnector(manifest: ProviderManifest, tools: readonly Tool[], posted: Posted): Connector {
  const { name, title, description, categories, documentation, auth } = manifest;
  return {
    ...{ name, title, description, categories: [...categories], documentation: documentation ?? null },
    ...{ kind: auth.kind, scopes: [...auth.scopes.default] },
    origin: posted === undefined ? 'deployment' : 'organization',
    version: posted?.version ?? null,
    tools: tools.length,
  };
}

export function toDetail(manifest: ProviderManifest, tools: readonly Tool[], posted: Posted): ConnectorDetail {
  const { auth, app_parameters, connection_parameters, origins, sources } = manifest;
  const ofPerson = Object.entries(connection_parameters).filter(([, { source }]) => source === 'input');
  return {
    ...toConnector(manifest, tools, posted),
    scopeDescriptions: auth.scopes.descriptions,
    appParameters: Object.entries(app_parameters).map(toParameter),
    connectionParameters: ofPerson.map(toParameter),
    origins: [...origins],
    sources: sources.map(({ page, checked, seen }) => ({ page, checked, seen })),
    toolList: tools.map(({ name, title, effect, scopes }) => ({ name, title, effect, scopes: scopes.map((set) => [...set]) })),
    posted: posted === undefined ? null : { manifest: posted.manifest, tools: posted.tools },
  };
}

function toParameter([name, parameter]: [string, AppParameter | ConnectionParameter]): ConnectorDetail['appParameters'][number] {
  const { title, description, example, type, one_of: oneOf, default: preset, required } = parameter;
  return { name, title, description, type, required, example: example ?? null, oneOf: oneOf ?? null, default: preset ?? null };
}
