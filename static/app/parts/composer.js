// @ts-check
/** Where a message is written: grows with its text, completes names, keeps drafts, and knows what is answered or edited. */

import { assign, fill, h } from '../dom.js';
import { draft, keepDraft } from '../drafts.js';
import { number } from '../words.js';
import { completion } from './completion.js';
import { icon } from './icons.js';
import { authorOf, excerpt } from './message.js';

/** @typedef {import('../history.js').Message} Message */

/** The server takes no longer texts; from so many on, what is left is shown. */
const MOST = 10_000;
const SHOWN_FROM = 9_000;

/**
 * @param {object} what
 * @param {string} what.place under which its draft is kept
 * @param {string} what.label what is written here
 * @param {() => string[]} [what.names] who is completed first
 * @param {(text: string, reply: Message | null) => void} what.send
 * @param {(message: Message, text: string) => void} [what.edit]
 * @param {() => Message | null} [what.last] the last message of one's own, for the arrow key
 * @param {(now: boolean) => void} [what.typing]
 * @param {(text: string) => boolean} [what.empty] whether there is nothing to send in it
 */
export function composer({ place, label, names = () => [], send, edit, last, typing, empty = (text) => !text.trim() }) {
  const touch = matchMedia('(pointer: coarse)').matches;
  const box = /** @type {HTMLTextAreaElement} */ (
    h('textarea.compose-text', {
      rows: '1', 'aria-label': label, placeholder: label, enterkeyhint: touch ? 'enter' : 'send', autocomplete: 'off', value: draft(place),
    })
  );
  const above = h('div.compose-above', { hidden: true });
  const count = h('p.compose-count', { role: 'status', hidden: true });
  const button = h('button.icon-button.send', { type: 'submit', 'aria-label': 'Send', title: 'Send' }, icon('send'));
  const complete = completion(box, names);
  /** @type {Message | null} */
  let reply = null;
  /** @type {Message | null} */
  let editing = null;

  const measure = () => {
    const length = [...box.value].length;
    count.hidden = length < SHOWN_FROM;
    fill(count, [length > MOST ? `${number(length - MOST)} characters too many` : `${number(MOST - length)} characters left`]);
    count.classList.toggle('bad', length > MOST);
    assign(button, { 'aria-disabled': empty(box.value) || length > MOST ? 'true' : null });
    if (!editing) keepDraft(place, box.value);
  };
  const showAbove = () => {
    const about = editing ?? reply;
    above.hidden = !about;
    const cancel = h('button.icon-button', { type: 'button', 'aria-label': 'Cancel', title: 'Cancel (Esc)', onclick: () => leave() }, icon('close'));
    fill(above, about ? [icon(editing ? 'edit' : 'reply'), h('p', null, h('b', null, editing ? 'Editing' : `Replying to ${authorOf(about)}`), ' ', excerpt(about)), reply && h('a', { href: `/threads/${reply.thread_id ?? reply.id}` }, 'thread'), cancel] : []);
  };
  const leave = () => {
    if (editing) box.value = draft(place);
    editing = null;
    reply = null;
    showAbove();
    measure();
    box.focus();
  };
  const submit = () => {
    const text = box.value.trim();
    if (empty(text) || [...text].length > MOST) return;
    complete.close();
    if (editing) {
      const about = editing;
      leave();
      if (text !== about.text) edit?.(about, text);
      return;
    }
    const to = reply;
    box.value = '';
    reply = null;
    showAbove();
    measure();
    typing?.(false);
    send(text, to);
    box.focus();
  };
  /** @param {Message} message */
  const beginEdit = (message) => {
    editing = message;
    reply = null;
    box.value = message.text;
    showAbove();
    measure();
    box.focus();
    box.setSelectionRange(box.value.length, box.value.length);
  };

  box.addEventListener('input', () => {
    measure();
    if (!editing) typing?.(box.value.trim() !== '');
  });
  box.addEventListener('keydown', (key) => {
    // While letters are put together, Enter belongs to that.
    if (key.defaultPrevented || key.isComposing) return;
    if (key.key === 'Enter' && !key.shiftKey && !key.altKey && (!touch || key.ctrlKey || key.metaKey)) {
      key.preventDefault();
      submit();
    } else if (key.key === 'Escape' && (editing || reply)) {
      key.preventDefault();
      leave();
    } else if (key.key === 'ArrowUp' && box.value === '' && last) {
      const message = last();
      if (!message) return;
      key.preventDefault();
      beginEdit(message);
    }
  });
  const node = h(
    'form.composer',
    { 'aria-label': label, onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); submit(); } },
    above,
    h('div.compose-row', null, complete.node, box, button),
    count,
  );
  measure();
  return {
    node,
    box,
    focus: () => box.focus(),
    edit: beginEdit,
    /** @param {Message} message */
    reply(message) {
      if (editing) leave();
      reply = message;
      showAbove();
      box.focus();
    },
    /** Puts a text back that could not be sent. @param {string} text */
    restore(text) {
      if (box.value) return;
      box.value = text;
      measure();
    },
    measure,
    close: () => typing?.(false),
  };
}
