import { describe, expect, it } from '@jest/globals';
import { firstForm, heading } from './form.js';

const PAGE = `<h1>Allow <em>Keyward</em> &amp; co?</h1>
<form method="post" action="/consent/abc?x=1&amp;y=2">
<input type="hidden" name="csrf" value="a&quot;b" />
<label><input type="checkbox" name="scope" value="notes:read" checked> Read</label>
<label><input type="checkbox" name="scope" value="notes:write"> Write</label>
<input name="login" value="">
<input name="password" type="password" required>
<button class="primary" type="submit" name="decision" value="allow">Allow</button>
<button type="submit" name="decision" value="deny">Refuse</button>
</form>`;

describe('firstForm', () => {
  it('gives what a browser would send, boxes that are not ticked left out', () => {
    expect(firstForm(PAGE)).toEqual({
      action: '/consent/abc?x=1&y=2',
      fields: [
        { name: 'csrf', value: 'a"b', type: 'hidden' },
        { name: 'scope', value: 'notes:read', type: 'checkbox' },
        { name: 'login', value: '', type: 'text' },
        { name: 'password', value: '', type: 'password' },
      ],
      buttons: [
        { name: 'decision', value: 'allow', label: 'Allow' },
        { name: 'decision', value: 'deny', label: 'Refuse' },
      ],
    });
  });

  it('gives nothing where there is no form', () => {
    expect(firstForm('<h1>Connected</h1>')).toBeUndefined();
  });
});

it('heading gives the text of the first heading', () => {
  expect(heading(PAGE)).toBe('Allow Keyward & co?');
});
