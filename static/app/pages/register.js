// @ts-check
/** `/register`, and `/invitations/TOKEN`, where an invitation leads. */

import { h } from '../dom.js';
import { is } from '../explain.js';
import { card } from '../parts/card.js';
import { elsewhere } from '../parts/elsewhere.js';
import { field, form } from '../parts/form.js';
import { go } from '../router.js';
import { about, client, device } from '../session.js';

/** @type {import('../router.js').Opener} */
export async function open({ parts }) {
  if (client.user) {
    go('/', { replace: true });
    return { node: h('div'), title: '', bare: true };
  }
  const wrong = await elsewhere();
  if (wrong) return wrong;
  const invitation = parts.token;
  const { registration, email: wanted, password_min_length: least, mail } = await about();
  const login = h('p.beside', null, h('a', { href: '/login' }, 'I have an account'));
  if (registration === 'closed') {
    return card('Make an account', [h('p', null, 'Accounts are made by whoever runs this server: ask there.'), login]);
  }
  if (registration === 'invite' && !invitation) {
    return card('Make an account', [h('p', null, 'It takes an invitation: open the link that you were given. Administrators make them.'), login]);
  }
  const address = wanted === 'required' || mail;
  const fields = [
    field({ name: 'username', label: 'Username', required: true, autocomplete: 'username', maxlength: 64, focus: true, hint: 'Letters and digits of any script, and\u00a0_\u00a0.\u00a0-\u00a0@\u00a0+' }),
    field({ name: 'password', label: 'Password', type: 'password', required: true, autocomplete: 'new-password', minlength: least, hint: `At least ${least} characters.` }),
    ...(address
      ? [field({
          name: 'email', label: wanted === 'required' ? 'E-mail address' : 'E-mail address (if you like)', type: 'email', required: wanted === 'required', autocomplete: 'email',
          hint: wanted === 'required' ? 'A link to activate the account is mailed there. Nobody else sees the address.' : 'For a new password when you forget yours. Nobody else sees it.',
        })]
      : []),
  ];
  const { node } = form({
    fields,
    action: 'Make the account',
    label: 'Make an account',
    send: async ({ username, password, email }) => {
      const user = await client.register({ username: username.trim(), password, ...(email?.trim() && { email: email.trim() }), ...(invitation && { invitation }), name: device() });
      if (user.status === 'pending') sent(email.trim());
    },
    explains: (error) => (is(error, 'username_taken') ? { field: 'username', text: 'Somebody has this name already. Choose another one.' } : null),
  });
  const page = card(invitation ? 'You are invited' : 'Make an account', [invitation && h('p', null, 'Choose a name and a password, and you are in.'), node, login]);

  /** @param {string} address */
  const sent = (address) => {
    const resend = h('a', { href: '/lost-password' }, 'Have it sent again');
    const done = card('Look into your mail', [
      h('p', { role: 'status' }, 'A link was mailed to ', h('strong', null, address), '. Open it to activate your account; it is good for three days.'),
      h('p.beside', null, resend, h('a', { href: '/login' }, 'Log in')),
    ]);
    /** @type {Element} */ (page.node).replaceWith(done.node);
    /** @type {HTMLElement} */ (done.node).querySelector('a')?.focus();
  };
  return page;
}
