// @ts-check
/** `/threads/:id`: a message and all that replies to it. */

import { fill, h } from '../dom.js';
import { model } from '../model.js';
import { go } from '../router.js';
import { actOn } from '../parts/actions.js';
import { icon } from '../parts/icons.js';
import { card, isOwn } from '../parts/message.js';
import { talk } from '../parts/talk.js';
import { client, me } from '../session.js';

/** @typedef {import('../history.js').Message} Message */
/** @typedef {import('../model.js').Conversation} Conversation */

/** @type {import('../router.js').Opener} */
export async function open({ parts }) {
  let root = /** @type {Message} */ (await client.request('GET', `messages/${encodeURIComponent(parts.id ?? '')}`));
  // A reply leads to where it belongs.
  if (root.thread_id !== null) root = await client.request('GET', `messages/${root.thread_id}`);
  const id = root.conversation_id;
  if (!model.conversation(id)) await model.read(id);
  const joined = model.conversation(id) !== null;
  const known = model.conversation(id) ?? /** @type {Conversation} */ (await client.request('GET', `conversations/${id}`));
  const conversation = () => model.conversation(id) ?? known;
  const owner = known.members?.some(({ user, role }) => role === 'owner' && user.id === me()?.id) ?? false;
  const here = talk({ conversation, thread: root, mayWrite: joined && (known.post === 'members' || owner), bar: h('p.talk-bar', null, 'You may not write here.') });
  try {
    await here.history.toEnd();
  } catch (error) {
    here.close();
    throw error;
  }

  const top = h('ol.thread-root', { 'aria-label': 'The message that began it' });
  const draw = () => {
    const row = card(root, { begins: true });
    row.dataset.key = String(root.id);
    row.append(h('button.icon-button.card-more', { type: 'button', 'data-act': 'more', 'aria-label': 'More', 'aria-haspopup': 'menu' }, icon('more')));
    fill(top, [row]);
  };
  draw();
  actOn(top, () => root, { reply: () => here.write?.focus(), edit: isOwn(root) ? (message) => here.write?.edit(message) : undefined });
  // The box edits what it was given, and the root is not among the replies.
  const plain = here.history.replace.bind(here.history);
  here.history.replace = (message) => {
    if (message.id !== root.id) return plain(message);
    root = { ...root, ...message };
    draw();
  };
  const end = model.on('messages', (event) => {
    const { type, data } = event;
    if (type === 'message.hidden' && data.id === root.id) go('/threads', { replace: true });
    if (data?.id !== root.id) return;
    if (type === 'message.updated') root = { ...root, ...data };
    if (type === 'message.deleted') root = { ...root, text: '', mentions: [], deleted_at: data.deleted_at };
    draw();
  });
  const name = model.title(known);
  const node = h(
    'div.page.conversation-page',
    null,
    h(
      'header.page-head',
      null,
      h('a.icon-button.back', { href: '/threads', 'aria-label': 'Back to the threads', title: 'Threads' }, icon('back')),
      h('div.page-title', null, h('h1', null, 'Thread'), h('p.page-sub', null, 'in ', h('a', { href: `/messages/${root.id}` }, `${known.kind === 'channel' ? '#' : ''}${name}`))),
    ),
    top,
    here.body,
    here.foot,
  );
  return {
    title: `Thread in ${name}`,
    node,
    immersive: true,
    focus: () => {
      here.list.toNewest();
      here.pill();
      if (here.write && matchMedia('(pointer: fine)').matches) here.write.focus();
    },
    close: () => {
      end();
      here.close();
    },
  };
}
