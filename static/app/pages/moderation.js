// @ts-check
/** A channel's newest messages, to be deleted for all by those who may. */

import { fill, h } from '../dom.js';
import { explain } from '../explain.js';
import { confirm, dialog } from '../parts/dialog.js';
import { empty, region } from '../parts/empty.js';
import { toast } from '../parts/toast.js';
import { client } from '../session.js';
import { number, since, time } from '../words.js';

/** @typedef {import('../../goldcrest.js').Message} Message */

/** @param {{ id: number, name: string }} channel */
export function moderation({ id, name }) {
  /** @type {Set<number>} */
  const chosen = new Set();
  const trouble = h('p.form-trouble', { role: 'alert', hidden: true });
  const erase = /** @type {HTMLButtonElement} */ (h('button.danger', { type: 'button', disabled: true, onclick: () => void remove() }, 'Delete for all'));
  const count = () => {
    erase.disabled = chosen.size === 0;
    fill(erase, [chosen.size ? `Delete ${number(chosen.size)} for all` : 'Delete for all']);
  };
  const list = region(async () => {
    chosen.clear();
    count();
    /** @type {{ items: Message[] }} */
    const { items } = await client.request('GET', `conversations/${id}/messages`, { query: { limit: 100 } });
    const alive = items.filter(({ deleted_at }) => !deleted_at);
    if (!alive.length) return empty({ title: 'There are no messages.' });
    return h('ul.choices', { 'aria-label': 'Messages, newest first' }, alive.map(choice));
  });
  /** @param {Message} message */
  const choice = (message) => {
    const box = /** @type {HTMLInputElement} */ (h('input', { type: 'checkbox', onchange: () => {
      if (box.checked) chosen.add(message.id);
      else chosen.delete(message.id);
      count();
    } }));
    return h('li', null, h('label', null, box, h('span', null, h('strong', null, message.author?.username ?? 'Goldcrest'), ' ', time(message.created_at, since), h('span.choice-text', null, message.text))));
  };
  const remove = async () => {
    const many = chosen.size;
    const sure = await confirm({ title: many === 1 ? 'Delete this message for all?' : `Delete ${number(many)} messages for all?`, text: 'Nobody can bring them back.', action: 'Delete for all', danger: true });
    if (!sure) return;
    try {
      const { deleted } = await client.request('POST', 'messages/delete', { body: { ids: [...chosen], for: 'all' } });
      toast(deleted.length === 1 ? 'One message was deleted.' : `${number(deleted.length)} messages were deleted.`);
      await list.reload();
    } catch (error) {
      trouble.hidden = false;
      fill(trouble, [explain(error)]);
    }
  };
  dialog({ title: name, wide: true, body: [list.node, trouble, h('div.actions', null, erase)] });
}
