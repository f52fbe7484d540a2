/** The one registration at every lab. Characters that each encoding treats in its own way are part of it. */
export const LAB_CLIENT = { clientId: 'lab client:1', clientSecret: 'lab-secret+/%&<>"=' } as const;
