/** Executions that wait for a person, and those that were asked to end. */
export const WAITING = ``;
