// @ts-check
/** `/settings/keys`: what scripts and bots show instead of a login. */

import { h } from '../dom.js';
import { model } from '../model.js';
import { copyable } from '../parts/copy.js';
import { confirm, dialog } from '../parts/dialog.js';
import { empty } from '../parts/empty.js';
import { field, form } from '../parts/form.js';
import { icon } from '../parts/icons.js';
import { listing, row } from '../parts/listing.js';
import { attempt, toast } from '../parts/toast.js';
import { client } from '../session.js';
import { page } from '../shell.js';
import { onDay, time } from '../words.js';

/** @typedef {{ id: number, name: string, scopes: string[], conversation_id: number | null, created_at: string }} Key */

/** @type {import('../router.js').Opener} */
export function open() {
  const list = listing({
    path: 'keys',
    label: 'API keys',
    row: (/** @type {Key} */ key) => row({
      face: h('span.avatar.neutral', { 'aria-hidden': 'true' }, icon('keys')),
      title: [key.name, ...key.scopes.map((scope) => h('span.tag', null, scope))],
      sub: ['For ', whereOf(key), ' · made ', time(key.created_at, onDay)],
      actions: h('button', { type: 'button', onclick: () => void attempt(revoke(key)) }, 'Revoke'),
    }),
    none: empty({ icon: 'keys', title: 'No API keys', text: 'A key lets a script or a bot act for you, as far as you allow, without your password.' }),
  });
  const make = h('button.primary', { type: 'button', onclick: () => create(() => void list.reload()) }, icon('plus'), 'New key');
  const hint = h('p.quiet', null, 'A key is shown once, when it is made. ', h('a', { href: '/docs' }, 'How scripts use it'), '.');
  const close = model.on('keys', () => void list.reload());
  return { title: 'API keys', node: page('API keys', [hint, list.node], { back: '/settings', actions: make }), close };
}

/** @param {Key} key */
function whereOf({ conversation_id: id }) {
  if (id === null) return 'all conversations';
  const conversation = model.conversation(id);
  return h('a', { href: `/conversations/${id}` }, conversation ? model.title(conversation) : `conversation ${id}`);
}

/** @param {Key} key */
async function revoke(key) {
  const sure = await confirm({ title: `Revoke “${key.name}”?`, text: 'Whatever uses this key is shut out at once.', action: 'Revoke', danger: true });
  if (!sure) return;
  await client.request('DELETE', `keys/${key.id}`);
  toast('The key is good no more.');
}

/** @param {() => void} made */
function create(made) {
  /** @type {[string, string][]} */
  const places = [['', 'All conversations'], ...model.conversations().map((one) => /** @type {[string, string]} */ ([String(one.id), model.title(one)]))];
  const fields = [
    field({ name: 'name', label: 'Name', required: true, maxlength: 100, hint: 'What it is for: “backup script”.', autocomplete: 'off' }),
    field({ name: 'read', label: 'May read: lists, messages, streams', type: 'checkbox', value: false }),
    field({ name: 'send', label: 'May send messages', type: 'checkbox', value: true }),
    field({ name: 'conversation_id', label: 'Where', type: 'select', options: places, value: '' }),
  ];
  const { node, say } = form({
    fields,
    action: 'Make the key',
    label: 'New key',
    names: { scopes: 'read' },
    send: async ({ name, read, send, conversation_id }) => {
      const scopes = [read && 'read', send && 'send'].filter(Boolean);
      if (!scopes.length) {
        say('Choose at least one thing that the key may do.');
        return;
      }
      const body = { name: name.trim(), scopes, ...(conversation_id && { conversation_id: Number(conversation_id) }) };
      const { key } = await client.request('POST', 'keys', { body });
      box.fill(
        h('p', { role: 'status' }, 'Copy it now: it is not shown again.'),
        copyable(key, 'API key'),
        h('p.quiet', null, 'It goes into the header of each request:'),
        h('pre.sample', null, h('code', null, 'Authorization: Bearer …')),
        h('div.actions', null, h('button', { type: 'button', onclick: () => box.close() }, 'Done')),
      );
      box.node.querySelector('input')?.focus();
      made();
    },
  });
  const box = dialog({ title: 'New API key', body: [node] });
}
