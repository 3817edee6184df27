// @ts-check
/** Who is in a conversation, and what its owners may change. */

import { fill, h } from '../dom.js';
import { is } from '../explain.js';
import { model } from '../model.js';
import { go } from '../router.js';
import { client, me, self } from '../session.js';
import { number, userPath } from '../words.js';
import { avatar } from './avatar.js';
import { confirm } from './dialog.js';
import { field, form } from './form.js';
import { icon } from './icons.js';
import { moreButton } from './menu.js';
import { personField } from './person.js';
import { attempt, toast } from './toast.js';

/** @typedef {import('../model.js').Conversation} Conversation */

/** So many members are shown at once. */
const SHOWN = 100;

/** @param {number} id @param {() => Conversation} conversation */
export function details(id, conversation) {
  const list = h('ul.members');
  const more = h('button', { type: 'button', onclick: () => { shown += SHOWN; draw(); } }, 'Show more');
  const count = h('span.count');
  const owner = () => model.isOwner(conversation());
  let shown = SHOWN;
  let drawn = '';
  const draw = () => {
    const { kind, members } = conversation();
    const all = [...(members ?? [])].sort((one, other) => Number(model.isOnline(other.user.username)) - Number(model.isOnline(one.user.username)) || one.user.username.localeCompare(other.user.username));
    const now = JSON.stringify([shown, all.map(({ user, role }) => [user.username, role, model.isOnline(user.username)])]);
    if (now === drawn) return;
    drawn = now;
    fill(count, [number(all.length)]);
    fill(list, all.slice(0, shown).map((member) => row(member, kind)));
    more.hidden = all.length <= shown;
  };
  /** @param {import('../model.js').Member} member @param {Conversation['kind']} kind */
  const row = ({ user, role }, kind) => {
    const { username } = user;
    const path = `conversations/${id}/members/${encodeURIComponent(username)}`;
    const acts = kind !== 'direct' && owner() && user.id !== me()?.id;
    return h(
      'li.member',
      null,
      h('a', { href: userPath(username) }, avatar(user, { size: 'small', online: model.isOnline(username) }), h('span', null, username, user.id === me()?.id && ' (you)')),
      role === 'owner' && kind !== 'direct' && h('span.tag', null, 'Owner'),
      acts && moreButton(`More about ${username}`, () => [
        role === 'member'
          ? { label: 'Make an owner', icon: 'keys', act: () => void attempt(client.request('PATCH', path, { body: { role: 'owner' } })) }
          : { label: 'Make a plain member', icon: 'contacts', act: () => void attempt(client.request('PATCH', path, { body: { role: 'member' } })) },
        { label: 'Remove', icon: 'trash', danger: true, act: () => void attempt(remove(path, username)) },
      ]),
    );
  };
  /** @param {string} path @param {string} username */
  const remove = async (path, username) => {
    if (await confirm({ title: `Remove ${username}?`, text: `${username} reads nothing that is said here from then on.`, action: 'Remove', danger: true })) await client.request('DELETE', path);
  };
  const leave = async () => {
    const name = model.title(conversation());
    if (!(await confirm({ title: `Leave ${name}?`, text: 'You read nothing that is said here from then on.', action: 'Leave', danger: true }))) return;
    await client.request('DELETE', `conversations/${id}/members/${encodeURIComponent(self().username)}`);
    toast(`You left ${name}.`);
    go('/conversations');
  };
  const { kind, name, post } = conversation();
  const joined = model.conversation(id) !== null;
  const fixed = kind === 'direct';
  draw();
  const node = h(
    'div.details-body',
    null,
    h('a.button.narrow', { href: `/search?in=${id}` }, icon('search'), 'Search here'),
    h('section', null, h('h2', null, 'Members ', count), list, more),
    joined && !fixed && owner() && [adding(id), naming(id, name, post)],
    joined && !fixed && h('button.danger.plain', { type: 'button', onclick: () => void attempt(leave()) }, icon('leave'), kind === 'channel' ? 'Leave this channel' : 'Leave this group'),
  );
  const ends = [model.on(`conversation:${id}`, draw), model.on('presence', draw)];
  return { node, close: () => ends.forEach((end) => end()) };
}

/** @param {number} id */
function adding(id) {
  const person = personField({ label: 'Add somebody' });
  const { node } = form({
    fields: [person],
    action: 'Add',
    label: 'Add a member',
    send: async ({ username }) => {
      await client.request('POST', `conversations/${id}/members`, { body: { username } });
      person.input.value = '';
    },
    explains: (error) => {
      if (is(error, 'not_found')) return { field: 'username', text: 'Nobody is called so.' };
      if (is(error, 'already_member')) return { field: 'username', text: 'Is here already.' };
      return null;
    },
  });
  node.classList.add('line-form');
  return node;
}

/** @param {number} id @param {string | null} name @param {Conversation['post']} post */
function naming(id, name, post) {
  const { node } = form({
    fields: [
      field({ name: 'name', label: 'Name', required: true, maxlength: 100, value: name ?? '', autocomplete: 'off' }),
      field({ name: 'post', label: 'Who may write', type: 'select', value: post, options: [['members', 'All members'], ['owners', 'Owners only']] }),
    ],
    action: 'Save',
    label: 'Name and rules',
    send: async (values) => {
      await client.request('PATCH', `conversations/${id}`, { body: { name: values.name.trim(), post: values.post } });
      toast('Saved.');
    },
  });
  return h('details', null, h('summary', null, 'Name and rules'), node);
}
