/** What an organization changes about a connector of the deployment. */
export const OVERLAYS = ``;
