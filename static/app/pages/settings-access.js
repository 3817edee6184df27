// @ts-check
/** How one logs in: the address and the password. */

import { fill, h } from '../dom.js';
import { field, form } from '../parts/form.js';
import { passwordField, wrongPassword } from '../parts/password.js';
import { section } from '../parts/section.js';
import { toast } from '../parts/toast.js';
import { about, client } from '../session.js';

/** @param {import('./settings.js').Account} account */
export function access(account) {
  return [section('E-mail address', email(account), 'Nobody else sees it.'), section('Password', password())];
}

/** @param {import('./settings.js').Account} account */
function email({ email: now, email_confirmed: confirmed }) {
  const says = h('p', { role: 'status' });
  const tell = (/** @type {import('../dom.js').Child[]} */ ...text) => fill(says, text);
  if (!now) tell('You have none.');
  else tell(h('strong', null, now), confirmed ? ' · confirmed' : ' · not confirmed: open the link that was mailed there.');
  const body = h('div');
  void about().then(({ mail, email: wanted }) => {
    if (!mail) {
      fill(body, [h('p.quiet', null, 'This server sends no mail, so addresses cannot be changed here.')]);
      return;
    }
    if (!now) tell('You have none. With one, you can get a new password when you forget yours.');
    const change = form({
      fields: [field({ name: 'email', label: 'New address', type: 'email', required: true, autocomplete: 'email' }), passwordField()],
      action: now ? 'Change the address' : 'Add the address',
      label: 'E-mail address',
      send: async (values) => {
        await client.request('PUT', 'me/email', { body: values });
        tell('A link was mailed to ', h('strong', null, values.email), '. The address counts once you open it; it is good for an hour.');
        opened.removeAttribute('open');
      },
      explains: wrongPassword(),
    });
    const opened = h('details', null, h('summary', null, now ? 'Change it' : 'Add one'), change.node);
    const remove = form({
      fields: [passwordField()],
      action: 'Remove the address',
      label: 'Remove the e-mail address',
      danger: true,
      send: async (values) => {
        await client.request('DELETE', 'me/email', { body: values });
        tell('You have none now.');
        gone.remove();
      },
      explains: wrongPassword(),
    });
    const gone = h('details', null, h('summary', null, 'Remove it'), remove.node);
    fill(body, [opened, now && wanted === 'optional' ? gone : null]);
  }, () => {});
  return [says, body];
}

function password() {
  const body = h('details');
  void about().catch(() => null).then((server) => {
    const least = server?.password_min_length ?? 8;
    const fields = [
      passwordField({ name: 'current_password' }),
      field({ name: 'new_password', label: 'New password', type: 'password', required: true, autocomplete: 'new-password', minlength: least, hint: `At least ${least} characters. All other devices are logged out.` }),
    ];
    const { node } = form({
      fields,
      action: 'Change the password',
      label: 'Password',
      send: async (values) => {
        await client.request('PUT', 'me/password', { body: values });
        for (const one of fields) one.input.value = '';
        body.removeAttribute('open');
        toast('Your password is changed. All other devices are logged out.');
      },
      explains: wrongPassword('current_password'),
    });
    fill(body, [h('summary', null, 'Change it'), node]);
  });
  return body;
}
