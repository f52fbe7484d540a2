/** How far the trail has been forwarded to each destination. */
export const FORWARDING = ``;
