/** What was used, by day: rolled up as events are stored. */
export const USAGE = ``;
