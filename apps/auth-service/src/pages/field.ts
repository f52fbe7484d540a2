import { html, type Html } from './html.js';

/** One field of a page's form. */
export interface FieldView {
  name: string;
  label: string;
  /** Below the label, read out with the field. */
  hint?: string | undefined;
  help?: { text: string; url?: string | undefined } | undefined;
  kind: 'text' | 'secret' | 'long_secret' | 'choice';
  choices?: readonly string[] | undefined;
  /** What the person has entered before. Never of a secret: those are entered again. */
  value?: string | undefined;
  required: boolean;
  error?: string | undefined;
}

export function fieldId(name: string): string {
  return `field-${name.replaceAll('.', '-')}`;
}

/** Label, hint, error, control, in this order: what describes a control is heard before it is reached. */
export function renderField(field: FieldView): Html {
  const id = fieldId(field.name);
  const hint = field.hint === undefined ? undefined : html`<p class="hint" id="${id}-hint">${field.hint}</p>`;
  const help =
    field.help === undefined
      ? undefined
      : html`<p class="hint" id="${id}-help">
          ${field.help.text}
          ${
            field.help.url === undefined
              ? undefined
              : html`<a href="${field.help.url}" rel="noreferrer noopener" target="_blank"
                  >Open ${new URL(field.help.url).host}</a
                >`
          }
        </p>`;
  const error =
    field.error === undefined
      ? undefined
      : html`<p class="error" id="${id}-error"><span class="hidden">Error: </span>${field.error}</p>`;
  return html`
    <div class="field">
      <label for="${id}">${field.label}${field.required ? undefined : html` <span class="soft">(optional)</span>`}</label>
      ${hint}${help}${error} ${control(field, id)}
    </div>
  `;
}

function control(field: FieldView, id: string): Html {
  const described = [
    ...(field.hint === undefined ? [] : [`${id}-hint`]),
    ...(field.help === undefined ? [] : [`${id}-help`]),
    ...(field.error === undefined ? [] : [`${id}-error`]),
  ].join(' ');
  const attributes = html`id="${id}" name="${field.name}" ${described === '' ? undefined : html`aria-describedby="${described}"`}
  ${field.error === undefined ? undefined : html`aria-invalid="true"`} ${field.required ? html`required` : undefined}
  autocomplete="off" autocapitalize="none" spellcheck="false"`;
  switch (field.kind) {
    case 'secret':
      return html`<input type="password" ${attributes} />`;
    // A password field would drop the line breaks of a key.
    case 'long_secret':
      return html`<textarea class="masked" rows="5" ${attributes}></textarea>`;
    case 'choice':
      return html`<select ${attributes}>
        ${(field.choices ?? []).map((choice) => option(choice, choice === field.value))}
      </select>`;
    case 'text':
      return html`<input type="text" value="${field.value}" ${attributes} />`;
  }
}

function option(choice: string, selected: boolean): Html {
  return html`<option value="${choice}" ${selected ? html`selected` : undefined}>${choice}</option>`;
}
