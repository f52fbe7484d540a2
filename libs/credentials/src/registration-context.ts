export interface RegistrationRef {
  org: string;
  /** `app_…` */
  id: string;
  generation: number;
}

/** What the sealed secret of a registration is bound to: the context under which auth-service seals and every redeemer opens it. */
export function clientSecretContext({ org, id, generation }: RegistrationRef) {
  return { org, record: id, field: 'client_secret', generation } as const;
}

/** The same for the private key of a registration. */
export function privateKeyContext({ org, id, generation }: RegistrationRef) {
  return { org, record: id, field: 'private_key', generation } as const;
}
