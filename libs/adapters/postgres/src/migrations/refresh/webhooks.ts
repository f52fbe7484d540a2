export const NOTIFICATION = `
CREATE SCHEMA notification;
`;
