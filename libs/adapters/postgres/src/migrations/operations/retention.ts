/** Days of the trail that are dropped, where each chain was cut, and holds that keep them. */
export const RETENTION = ``;
