// @ts-check
/** `/settings/blocks` */

import { h } from '../dom.js';
import { model } from '../model.js';
import { avatar } from '../parts/avatar.js';
import { empty } from '../parts/empty.js';
import { form } from '../parts/form.js';
import { listing, row } from '../parts/listing.js';
import { personField } from '../parts/person.js';
import { attempt, toast } from '../parts/toast.js';
import { client } from '../session.js';
import { page } from '../shell.js';
import { time, userPath } from '../words.js';

/** @type {import('../router.js').Opener} */
export function open() {
  const list = listing({
    path: 'blocks',
    label: 'Blocked',
    row: ({ user, created_at }) => row({
      face: avatar(user), title: user.username, sub: ['Blocked ', time(created_at)], href: userPath(user.username),
      actions: h('button', { type: 'button', onclick: () => void attempt(unblock(user.username)) }, 'Unblock'),
    }),
    none: empty({ icon: 'blocks', title: 'Nobody is blocked', text: 'Whoever is blocked cannot write to you, ask to be your contact, or see whether you are online.' }),
  });
  const name = personField({ label: 'Block somebody', placeholder: 'A username' });
  const { node } = form({
    fields: [name],
    action: 'Block',
    label: 'Block somebody',
    names: { name: 'username' },
    send: async ({ username }) => {
      await client.request('PUT', `blocks/${encodeURIComponent(username)}`);
      name.input.value = '';
      toast(`${username} is blocked.`);
      await list.reload();
    },
    explains: (error) => (/** @type {any} */ (error).code === 'not_found' ? { field: 'username', text: 'Nobody is called so.' } : null),
  });
  node.classList.add('line-form');
  const close = model.on('blocks', () => void list.reload());
  return { title: 'Blocked', node: page('Blocked', [node, list.node], { back: '/settings' }), close };
}

/** @param {string} username */
async function unblock(username) {
  await client.request('DELETE', `blocks/${encodeURIComponent(username)}`);
  toast(`${username} may write to you again.`);
}
