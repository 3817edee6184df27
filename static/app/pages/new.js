// @ts-check
/** `/new`: a message to one person or several. Names with an @ at the beginning of the text are people, too. */

import { fill, h } from '../dom.js';
import { explain, is } from '../explain.js';
import { composer } from '../parts/composer.js';
import { icon } from '../parts/icons.js';
import { peoplePicker } from '../parts/people-picker.js';
import { toast } from '../parts/toast.js';
import { go } from '../router.js';
import { client, me } from '../session.js';
import { CHATS, page } from '../shell.js';

/** `@anna @bob hello` */
const ROW = /^(?:\s*@[\p{L}\p{N}_.@+-][\p{L}\p{N}\p{M}_.@+-]*[,;]?(?=\s|$))+/u;
/** So long an answer is waited for before it is left to the outbox. */
const PATIENCE = 8_000;

/** A leading row of names, and the rest. @param {string} text */
export function addressed(text) {
  const row = text.match(ROW)?.[0] ?? '';
  return { to: row.split(/[\s,;]+/).filter(Boolean).map((name) => name.slice(1)), text: text.slice(row.length).trim() };
}

/** @type {import('../router.js').Opener} */
export function open({ query }) {
  const trouble = h('div.form-trouble', { role: 'alert', hidden: true });
  const say = (/** @type {string | null} */ text) => {
    trouble.hidden = !text;
    fill(trouble, [text]);
  };
  const picker = peoplePicker({ label: 'To', people: query.getAll('to') });
  const send = async (/** @type {string} */ written) => {
    const chosen = picker.people();
    const parsed = addressed(written);
    // With people chosen above, names in the text are mentions as everywhere.
    const to = chosen.length ? chosen : parsed.to;
    const text = chosen.length ? written : parsed.text;
    say(null);
    if (!to.length || !text) {
      write.restore(written);
      if (to.length) write.focus();
      else picker.focus();
      say(to.length ? 'Write something to them.' : 'To whom? Choose somebody above, or begin with @names.');
      return;
    }
    let waits = true;
    const own = me()?.id;
    try {
      const { client_id, sent } = client.send({ to, text });
      const late = setTimeout(() => {
        waits = false;
        toast('It is sent as soon as there is a connection.');
        go('/');
      }, PATIENCE);
      sent.then(({ conversation_id }) => waits && go(`/conversations/${conversation_id}`, { replace: true }), (error) => {
        // Who has logged out meanwhile does not leave the text to whoever comes next.
        if (!waits || me()?.id !== own) return;
        // It is here, to be mended: the outbox need not keep it.
        client.discard(client_id);
        write.restore(written);
        say(refusal(error, to));
      }).finally(() => clearTimeout(late));
    } catch (error) {
      write.restore(written);
      say(explain(error));
    }
  };
  const write = composer({
    place: 'new',
    label: 'Write a message',
    send: (text) => void send(text),
  });
  // Beside the heading, a phone has no room for both words.
  const group = h('a.button', { href: '/groups/new', 'aria-label': 'New group' }, icon('group'), h('span.unnarrow', null, 'New group'), h('span.narrow', null, 'Group'));
  const body = h('div.new-message', null, picker.node, trouble, write.node);
  return {
    title: 'New message',
    node: page('New message', body, { up: CHATS, actions: group }),
    focus: () => (query.has('to') ? write.focus() : picker.focus()),
  };
}

/** @param {unknown} error @param {string[]} to */
function refusal(error, to) {
  const who = to.length === 1 ? (to[0] ?? '') : 'One of them';
  if (is(error, 'not_a_contact')) return `${who} takes messages from contacts only. Ask for contact first.`;
  if (is(error, 'blocked')) return `${who} does not take messages from you.`;
  return explain(error);
}
