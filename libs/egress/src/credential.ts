/** Where the secret goes. It is put there last, over whatever stands under that name, and taken out of whatever comes back. */
export type InjectedCredential =
  | {
      in: 'header';
      /** Lower case, such as `authorization`. */
      name: string;
      /** What stands before the secret in the header's value, such as `Bearer `. */
      prefix: string;
      secret: string;
    }
  /** A parameter of the query. */
  | { in: 'query'; name: string; secret: string }
  /** RFC 7617. `${secret}` in the template stands for the secret; the whole is encoded. */
  | { in: 'basic'; template: string; secret: string }
  /** A member of the JSON body; a request without one gets one. */
  | { in: 'body'; name: string; secret: string };

/** What RFC 7617 calls user-pass. */
export function userPass({ template, secret }: Extract<InjectedCredential, { in: 'basic' }>): string {
  return template.replaceAll('${secret}', () => secret);
}

/** Every text that must not come back: for basic, also the password alone. */
export function secretTexts(credential: InjectedCredential): string[] {
  if (credential.in !== 'basic') return [credential.secret];
  const whole = userPass(credential);
  return [whole, credential.secret, whole.slice(whole.indexOf(':') + 1)];
}
