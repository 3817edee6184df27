// @ts-check
/** `/channels`: those that anybody here may join, and making one. */

import { h } from '../dom.js';
import { is } from '../explain.js';
import { model } from '../model.js';
import { emblem } from '../parts/avatar.js';
import { dialog } from '../parts/dialog.js';
import { empty } from '../parts/empty.js';
import { field, form } from '../parts/form.js';
import { icon } from '../parts/icons.js';
import { listing, row } from '../parts/listing.js';
import { attempt, toast } from '../parts/toast.js';
import { go } from '../router.js';
import { client, self } from '../session.js';
import { CHATS, page } from '../shell.js';
import { number } from '../words.js';

/** @typedef {{ id: number, kind: 'channel', name: string, post: 'members' | 'owners', created_at: string }} Channel */

/** @type {import('../router.js').Opener} */
export function open() {
  const wanted = /** @type {HTMLInputElement} */ (
    h('input', { type: 'search', placeholder: 'Find a channel', 'aria-label': 'Find a channel', autocomplete: 'off', oninput: () => filter(list.node, wanted.value) })
  );
  const list = listing({
    path: 'channels',
    query: () => ({ limit: 200 }),
    label: 'Channels',
    row: line,
    none: empty({
      icon: 'channels', title: 'No channels yet', text: 'A channel is open to everybody here: whoever likes joins, and reads what was written before.',
      action: h('button.primary', { type: 'button', onclick: create }, 'Make the first one'),
    }),
  });
  // Only whether one is in a channel matters here, and not each of its messages.
  let before = membership();
  const close = model.on('conversations', () => {
    const now = membership();
    if (now !== before) void list.reload().then(() => filter(list.node, wanted.value));
    before = now;
  });
  const make = h('button', { type: 'button', onclick: create }, icon('plus'), 'New channel');
  return { title: 'Channels', node: page('Channels', [wanted, list.node], { up: CHATS, actions: make }), close };
}

const membership = () => model.conversations().flatMap(({ id, kind }) => (kind === 'channel' ? [id] : [])).sort().join();

/** @param {HTMLElement} node @param {string} text */
function filter(node, text) {
  const wanted = text.trim().toLocaleLowerCase();
  for (const one of node.querySelectorAll('li')) one.hidden = !one.textContent?.toLocaleLowerCase().includes(wanted);
}

/** @param {Channel} channel */
function line({ id, name, post }) {
  const joined = model.conversation(id);
  return row({
    face: emblem(name, 'channels'),
    title: name,
    sub: [joined ? 'You are in it' : 'Open to everybody', joined && joined.unread > 0 && [' · ', h('strong', null, `${number(joined.unread)} unread`)], post === 'owners' && ' · only owners post'],
    href: `/conversations/${id}`,
    actions: joined
      ? h('button', { type: 'button', onclick: () => void attempt(leave(id, name)) }, 'Leave')
      : h('button.primary', { type: 'button', onclick: () => void attempt(join(id)) }, 'Join'),
  });
}

/** @param {number} id */
async function join(id) {
  await client.request('POST', `conversations/${id}/members`, { body: {} });
  go(`/conversations/${id}`);
}

/** @param {number} id @param {string} name */
async function leave(id, name) {
  await client.request('DELETE', `conversations/${id}/members/${encodeURIComponent(self().username)}`);
  toast(`You left ${name}.`, { action: 'Join again', act: () => void attempt(join(id)) });
}

function create() {
  const fields = [
    field({ name: 'name', label: 'Name', required: true, maxlength: 100, autocomplete: 'off' }),
    field({ name: 'post', label: 'Who may post', type: 'select', value: 'members', options: [['members', 'All members'], ['owners', 'Owners only']] }),
  ];
  const { node } = form({
    fields,
    action: 'Make the channel',
    label: 'New channel',
    send: async ({ name, post }) => {
      const made = await client.request('POST', 'conversations', { body: { kind: 'channel', name: name.trim(), post } });
      box.close();
      go(`/conversations/${made.id}`);
    },
    explains: (error) => (is(error, 'channel_name_taken') ? { field: 'name', text: 'There is a channel of this name already.' } : null),
  });
  const box = dialog({ title: 'New channel', body: [h('p.quiet', null, 'Everybody here can find it, join it, and read all of it.'), node] });
}
