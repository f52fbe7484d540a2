const CREDENTIAL =
  /^(?:access[_-]?token|api[_-]?(?:key|token)|auth(?:entication)?[_-]?token|oauth[_-]?token|token|key|x-api-key|x-auth-token)$/i;
const SECRET =
  /(?:^|[_-])(?:password|passwd|passphrase|secret|credential|private[_-]?key|client[_-]?secret|access[_-]?token|refresh[_-]?token)s?$/i;

/** Whether a parameter of the query or a header is the credential by another name: no caller of a tool has it. */
export function looksLikeCredential(name: string): boolean {
  return CREDENTIAL.test(name);
}

/** Whether what an argument holds has no place in the audit record. */
export function looksSecret(name: string, format: unknown): boolean {
  return format === 'password' || SECRET.test(name.replace(/([a-z])([A-Z])/g, '$1_$2'));
}
