export const FUNCTIONS = ``;
