import { KeywardError } from '@keyward/contracts';

export function unauthenticated(): KeywardError {
  return new KeywardError('unauthenticated', 'Credentials are missing or not valid.');
}
