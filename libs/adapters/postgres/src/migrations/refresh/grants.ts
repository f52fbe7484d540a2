export const GRANTS = ``;
