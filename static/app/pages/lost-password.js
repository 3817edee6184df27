// @ts-check
/** `/lost-password`: a link that sets a new one is mailed; or the one that activates an account, once more. */

import { fill, h } from '../dom.js';
import { card } from '../parts/card.js';
import { elsewhere } from '../parts/elsewhere.js';
import { field, form } from '../parts/form.js';
import { about, client } from '../session.js';

/** @type {import('../router.js').Opener} */
export async function open() {
  const wrong = await elsewhere();
  if (wrong) return wrong;
  const { mail } = await about();
  const login = h('p.beside', null, h('a', { href: '/login' }, 'Back to the login'));
  if (!mail) return card('Lost password', [h('p', null, 'This server sends no mail. Whoever runs it can set a new password for you.'), login]);
  const body = h('div');
  const { node } = form({
    fields: [field({ name: 'who', label: 'Username or e-mail address', required: true, autocomplete: 'username', focus: true })],
    action: 'Mail me a link',
    label: 'Lost password',
    names: { username: 'who', email: 'who' },
    send: async ({ who }) => {
      const text = who.trim();
      await client.request('POST', 'password-resets', { body: /^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(text) ? { email: text } : { username: text } });
      const note = h('p', { role: 'status', tabindex: '-1' }, 'If there is such an account and it has an address, a link is on its way there. It is good for an hour; look into the folder for unwanted mail too.');
      fill(body, [note]);
      note.focus();
    },
  });
  fill(body, [node]);
  return card('Lost password', [h('p.quiet', null, 'A link that sets a new password comes to the address of the account.'), body, login]);
}
