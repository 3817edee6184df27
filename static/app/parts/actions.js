// @ts-check
/** What can be done with a message: by its menu, its buttons, and keys. */

import { model } from '../model.js';
import { go } from '../router.js';
import { client, me } from '../session.js';
import { confirm } from './dialog.js';
import { openMenu } from './menu.js';
import { isOwn } from './message.js';
import { attempt, complain, toast } from './toast.js';

/** @typedef {import('../history.js').Message} Message */

/** `there`: whether one is in its conversation already. @typedef {{ reply?: (message: Message) => void, edit?: (message: Message) => void, there?: boolean }} Doing */

/** Whether one may take somebody's message away from all. @param {Message} message */
function mayDelete(message) {
  if (message.deleted_at) return false;
  if (isOwn(message)) return true;
  const conversation = model.conversation(message.conversation_id);
  if (!conversation || conversation.kind === 'direct') return false;
  return model.isOwner(conversation) || (conversation.kind === 'channel' && me()?.admin === true);
}

/** @param {HTMLElement} anchor @param {Message} message @param {Doing} doing */
export function messageMenu(anchor, message, { reply, edit, there }) {
  const { id, thread_id, deleted_at, text } = message;
  openMenu(anchor, [
    !deleted_at && reply && { label: 'Reply', icon: 'reply', act: () => reply(message) },
    (thread_id !== null || (message.reply_count ?? 0) > 0) && { label: 'Show thread', icon: 'threads', href: `/threads/${thread_id ?? id}` },
    !deleted_at && edit && isOwn(message) && { label: 'Edit', icon: 'edit', act: () => edit(message) },
    !deleted_at && { label: 'Copy text', icon: 'copy', act: () => void copy(text, 'The text is copied.') },
    { label: 'Copy link', icon: 'copy', act: () => void copy(`${location.origin}/messages/${id}`, 'The link is copied.') },
    !there && { label: 'Show in conversation', icon: 'chats', act: () => go(`/messages/${id}`) },
    { label: 'Delete for me', icon: 'trash', act: () => void attempt(remove(message, 'me')) },
    mayDelete(message) && { label: 'Delete for everybody', icon: 'trash', danger: true, act: () => void attempt(remove(message, 'all')) },
  ]);
}

/** @param {string} text @param {string} done */
async function copy(text, done) {
  try {
    await navigator.clipboard.writeText(text);
    toast(done);
  } catch {
    toast('The browser did not let it be copied.', { kind: 'bad' });
  }
}

/** @param {Message} message @param {'all' | 'me'} audience */
async function remove(message, audience) {
  const text = audience === 'all' ? 'Nobody can read it any more, and it cannot be brought back.' : 'The others still see it. It cannot be brought back for you.';
  const title = audience === 'all' ? 'Delete this message for everybody?' : 'Delete this message for yourself?';
  if (!(await confirm({ title, text, action: 'Delete', danger: true }))) return;
  await client.request('DELETE', `messages/${message.id}`, { query: { for: audience } });
}

/** What stands there at once, and again as before if the server refuses. @param {Message} message @param {string} text @param {(message: Message) => void} show */
export async function edit(message, text, show) {
  show({ ...message, text, edited_at: new Date().toISOString() });
  try {
    show(await client.request('PATCH', `messages/${message.id}`, { body: { text } }));
  } catch (error) {
    show(message);
    complain(error);
  }
}

/** Buttons and keys of the messages in a list. @param {HTMLElement} list @param {(id: number) => Message | null} find @param {Doing} doing */
export function actOn(list, find, doing) {
  list.addEventListener('click', (click) => {
    const button = click.target instanceof Element ? /** @type {HTMLElement | null} */ (click.target.closest('[data-act]')) : null;
    const message = button && find(Number(/** @type {HTMLElement | null} */ (button.closest('[data-key]'))?.dataset.key));
    if (!button || !message) return;
    if (button.dataset.act === 'reply') doing.reply?.(message);
    else messageMenu(button, message, doing);
  });
  list.addEventListener('contextmenu', (click) => {
    // A selection, and links, have the browser's own menu.
    if (!(click.target instanceof Element) || click.target.closest('a') || !getSelection()?.isCollapsed) return;
    const row = /** @type {HTMLElement | null} */ (click.target.closest('[data-key]'));
    const message = row && find(Number(row.dataset.key));
    if (!row || !message || matchMedia('(pointer: fine)').matches) return;
    click.preventDefault();
    messageMenu(/** @type {HTMLElement} */ (row.querySelector('.bubble') ?? row), message, doing);
  });
}

/** What the keys do on a message that has the focus. @param {Message} message @param {HTMLElement} row @param {string} key @param {Doing} doing @returns {boolean} */
export function keyOn(message, row, key, doing) {
  if (key === 'Enter' || key === ' ') messageMenu(row.querySelector('[data-act="more"]') ?? row, message, doing);
  else if (message.deleted_at) return false;
  else if (key === 'r' && doing.reply) doing.reply(message);
  else if (key === 'e' && doing.edit && isOwn(message)) doing.edit(message);
  else if (key === 't') go(`/threads/${message.thread_id ?? message.id}`);
  else if (key === 'Delete') void attempt(remove(message, mayDelete(message) ? 'all' : 'me'));
  else return false;
  return true;
}
