export const CALLS = ``;
