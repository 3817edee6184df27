// @ts-check
/** `/login` */

import { h } from '../dom.js';
import { explain, is } from '../explain.js';
import { field, form } from '../parts/form.js';
import { card } from '../parts/card.js';
import { elsewhere } from '../parts/elsewhere.js';
import { own, go } from '../router.js';
import { about, client, device, wasEnded } from '../session.js';

/** @type {import('../router.js').Opener} */
export async function open({ query }) {
  const then = own(query.get('then'));
  if (client.user) {
    go(then, { replace: true });
    return { node: h('div'), title: '', bare: true };
  }
  const wrong = await elsewhere();
  if (wrong) return wrong;
  const { registration, mail } = await about();
  const who = field({ name: 'username', label: mail ? 'Username or e-mail address' : 'Username', required: true, autocomplete: 'username', focus: true });
  const password = field({ name: 'password', label: 'Password', type: 'password', required: true, autocomplete: 'current-password' });
  const remember = field({ name: 'remember', label: 'Save login', type: 'checkbox', value: true, hint: 'Otherwise it ends with the browser.' });
  const { node } = form({
    fields: [who, password, remember],
    action: 'Log in',
    label: 'Log in',
    names: { email: 'username' },
    send: async ({ username, password, remember }) => {
      const text = username.trim();
      const rest = { password, remember, name: device() };
      if (!mail || !/^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(text)) return client.login({ username: text, ...rest });
      // A name may look like an address.
      return client.login({ email: text, ...rest }).catch((error) => {
        if (is(error, 'invalid_credentials')) return client.login({ username: text, ...rest });
        throw error;
      });
    },
    explains: (error) => {
      if (is(error, 'not_activated')) return { text: 'This account waits until the link in the mail is used. If none came, have it sent again below, by “Forgot your password?”.' };
      if (is(error, 'invalid_credentials')) return { field: 'password', text: explain(error) };
      return null;
    },
  });
  return card('Log in', [
    wasEnded() && h('p.notice', { role: 'status' }, 'You were logged out on this device. Your login ran out, was ended elsewhere, or the server was restored from a backup: log in again to go on where you were.'),
    node,
    h(
      'p.beside',
      null,
      mail && h('a', { href: '/lost-password' }, 'Forgot your password?'),
      registration === 'open' && h('a', { href: '/register' }, 'Make an account'),
      registration === 'invite' && h('span', null, 'New here? You need an invitation.'),
      registration === 'closed' && h('span', null, 'Accounts are made by whoever runs this server.'),
    ),
  ]);
}
