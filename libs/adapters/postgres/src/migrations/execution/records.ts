/** What the record of a call that writes says besides. */
export const RECORDS = `
ALTER TABLE execution.execution ADD COLUMN tool_version text;
`;
