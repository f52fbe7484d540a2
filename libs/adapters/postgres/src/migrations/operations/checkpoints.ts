/** Signed statements of how far an organization's chain has come. */
export const CHECKPOINTS = ``;
