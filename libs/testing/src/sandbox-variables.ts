const CONNECTORS = ['sandbox', 'sandbox_device', 'sandbox_key', 'sandbox_mcp', 'sandbox_service'];

/** KEYWARD_CONNECTOR_VARIABLES for our own `connectors/` folder: every connector of the sandbox provider finds it at `url`. */
export function sandboxVariables(url: string): string {
  return JSON.stringify(Object.fromEntries(CONNECTORS.map((name) => [name, { url }])));
}
