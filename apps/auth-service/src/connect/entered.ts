import { checkConnectionParameters, hasAuth, type ProviderManifest } from '@keyward/connectors';
import { asKeywardError, KeywardError } from '@keyward/contracts';
import type { FieldView } from '../pages/field.js';

/** What the person has put into the fields of our page, by field name. */
export type Entered = Readonly<Record<string, string>>;

export type CheckedEntry =
  | { accepted: true; parameters: Record<string, string>; secret: string | undefined }
  | { accepted: false; errors: Readonly<Record<string, string>> };

const PARAMETER = 'parameter.';
const SECRET = 'secret';
const USERNAME = 'username';
const PASSWORD = 'password';

/**
 * The fields that the page needs: connection parameters that only a person can know, and the secret of kinds that have one.
 * @param known parameters that whoever made the link stated
 */
export function fieldsOf(
  manifest: ProviderManifest,
  known: Readonly<Record<string, string>>,
  entered: Entered = {},
  errors: Readonly<Record<string, string>> = {},
): FieldView[] {
  const parameters = inputParameters(manifest)
    .filter(([name]) => !Object.hasOwn(known, name))
    .map(([name, declared]): FieldView => {
      const field = PARAMETER + name;
      const example = declared.example === undefined ? undefined : `For example ${declared.example}`;
      const hint = [declared.description, example].filter((part) => part !== undefined && part !== '').join(' ');
      return {
        name: field,
        label: declared.title,
        hint: hint === '' ? undefined : hint,
        kind: declared.one_of === undefined ? 'text' : 'choice',
        choices: declared.one_of,
        value: entered[field] ?? declared.default,
        required: declared.required,
        error: errors[field],
      };
    });
  // A secret is entered again after an error: it is not sent back to the browser.
  const secrets = secretFields(manifest).map((field) => ({
    ...field,
    value: field.kind === 'text' ? entered[field.name] : undefined,
    error: errors[field.name],
  }));
  return [...parameters, ...secrets];
}

function secretFields({ auth }: ProviderManifest): FieldView[] {
  switch (auth.kind) {
    case 'api_key':
      return [{ name: SECRET, label: auth.label, help: auth.help, kind: 'secret', required: true }];
    case 'basic':
      return [
        { name: USERNAME, label: auth.username_label, help: auth.help, kind: 'text', required: true },
        { name: PASSWORD, label: auth.password_label, kind: 'secret', required: true },
      ];
    case 'signed_jwt':
      return [
        {
          name: SECRET,
          label: auth.label,
          help: auth.help,
          kind: auth.assertion.key === 'pem' ? 'long_secret' : 'secret',
          required: true,
        },
      ];
    default:
      return [];
  }
}

/** Everything that is wrong, each at its field. Fields that the page has not are wrong too. */
export function checkEntry(manifest: ProviderManifest, known: Readonly<Record<string, string>>, entered: Entered): CheckedEntry {
  const fields = fieldsOf(manifest, known);
  const errors: Record<string, string> = {};
  for (const name of Object.keys(entered)) {
    if (!fields.some((field) => field.name === name))
      throw new KeywardError('invalid_request', 'The form has other fields than our page.');
  }
  for (const { name, kind } of fields) {
    if (kind !== 'secret' && kind !== 'long_secret') continue;
    if ((entered[name] ?? '').trim() === '') errors[name] = 'must be filled in';
    else if (!(entered[name] ?? '').isWellFormed()) errors[name] = 'holds characters that are not valid';
  }
  if (hasAuth(manifest, 'basic')) {
    const problem = usernameProblem(entered[USERNAME] ?? '');
    if (problem !== undefined) errors[USERNAME] = problem;
  }
  const given = Object.fromEntries(
    Object.entries(entered)
      .filter(([name]) => name.startsWith(PARAMETER))
      .map(([name, value]) => [name.slice(PARAMETER.length), value.trim()]),
  );
  const parameters = checked(manifest, { ...given, ...known }, errors);
  return Object.keys(errors).length > 0
    ? { accepted: false, errors }
    : { accepted: true, parameters, secret: secretOf(manifest, entered) };
}

/** @throws KeywardError where what is wrong is none of the page's fields */
function checked(
  manifest: ProviderManifest,
  given: Readonly<Record<string, string>>,
  errors: Record<string, string>,
): Record<string, string> {
  try {
    return checkConnectionParameters(manifest, given, 'input');
  } catch (thrown) {
    const { code, details } = asKeywardError(thrown);
    if (code !== 'invalid_request' || details.errors === undefined) throw thrown;
    for (const { pointer, detail } of details.errors) errors[PARAMETER + pointer.slice('/parameters/'.length)] = detail;
    return {};
  }
}

/** RFC 7617 section 2: the first colon ends the user name. */
function usernameProblem(username: string): string | undefined {
  if (username.trim() === '') return 'must be filled in';
  if (username.includes(':')) return 'must not hold a colon';
  return username.isWellFormed() ? undefined : 'holds characters that are not valid';
}

function secretOf(manifest: ProviderManifest, entered: Entered): string | undefined {
  if (hasAuth(manifest, 'basic')) return `${entered[USERNAME]?.trim()}:${entered[PASSWORD]}`;
  // Spaces and line breaks around a key come with copying it.
  return hasAuth(manifest, 'api_key', 'signed_jwt') ? entered[SECRET]?.trim() : undefined;
}

/** The field in which a refused secret is to be entered again. */
export function secretField(manifest: ProviderManifest): string {
  return hasAuth(manifest, 'basic') ? PASSWORD : SECRET;
}

/** Known parameters with their names for people. */
export function settledParameters(
  manifest: ProviderManifest,
  known: Readonly<Record<string, string>>,
): { label: string; value: string }[] {
  return inputParameters(manifest)
    .filter(([name]) => Object.hasOwn(known, name))
    .map(([name, { title }]) => ({ label: title, value: known[name] ?? '' }));
}

/** Those that whoever makes a link may state. Which are missing is no error yet. @throws KeywardError `invalid_request` */
export function checkKnownParameters(
  manifest: ProviderManifest,
  known: Readonly<Record<string, string>>,
): Record<string, string> {
  try {
    checkConnectionParameters(manifest, known, 'input');
  } catch (thrown) {
    const { details } = asKeywardError(thrown);
    const errors = details.errors?.filter(({ pointer }) => Object.hasOwn(known, pointer.slice('/parameters/'.length)));
    if (errors === undefined) throw thrown;
    if (errors.length > 0) throw new KeywardError('invalid_request', 'The parameters are not valid.', { details: { errors } });
  }
  return { ...known };
}

function inputParameters({ connection_parameters }: ProviderManifest) {
  return Object.entries(connection_parameters).filter(([, { source }]) => source === 'input');
}
