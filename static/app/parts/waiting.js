// @ts-check
/** What was written and is on its way, below the messages that arrived: it is sent, waits, or failed and says why. */

import { GoldcrestError } from '../../goldcrest.js';
import { h } from '../dom.js';
import { explain } from '../explain.js';
import { model } from '../model.js';
import { client } from '../session.js';
import { rich } from '../words.js';
import { icon } from './icons.js';

/** @typedef {import('../../goldcrest.js').Sending} Sending */

/** An answer came, but its event did not: after so long it is not waited for any more. */
const LOST = 20_000;

/** @type {Record<string, string>} */
const REFUSALS = {
  not_a_contact: 'This inbox is open to contacts only. Ask for contact first.',
  blocked: 'You are blocked here.',
  not_member: 'You are not in this conversation any more.',
  not_owner: 'Only owners may write here.',
  idempotency_conflict: 'Something else was sent under the same mark.',
};

/** @param {Sending} sending */
function reason({ error }) {
  if (!error) return 'Not sent.';
  return `Not sent: ${REFUSALS[error.code] ?? explain(new GoldcrestError(error))}`;
}

/**
 * @param {object} what
 * @param {(sending: Sending) => boolean} what.belongs
 * @param {(sending: Sending) => string | null} [what.to] says to whom, where that is not plain
 * @param {() => void} what.changed
 * @param {(text: string) => void} [what.again] takes the text of one that was discarded
 */
export function waiting({ belongs, to = () => null, changed, again }) {
  const node = h('ol.waiting', { 'aria-label': 'Being sent' });
  /** @type {Map<string, { sending: Sending, row: HTMLElement, gone: boolean }>} */
  const shown = new Map();

  const drop = (/** @type {string} */ client_id) => {
    const one = shown.get(client_id);
    if (!one) return;
    shown.delete(client_id);
    one.row.remove();
    changed();
  };
  const draw = () => {
    const now = new Map(client.outbox.filter(belongs).map((sending) => [sending.client_id, sending]));
    for (const [client_id, one] of shown) {
      // What left the outbox was acknowledged: it stays until it is among the messages.
      if (now.has(client_id) || one.gone) continue;
      one.gone = true;
      setTimeout(() => drop(client_id), LOST);
    }
    for (const [client_id, sending] of now) {
      const before = shown.get(client_id);
      if (before && before.sending.state === sending.state) continue;
      const row = line(sending);
      if (before) before.row.replaceWith(row);
      else node.append(row);
      shown.set(client_id, { sending, row, gone: false });
    }
    changed();
  };
  /** @param {Sending} sending */
  const line = (sending) => {
    const { client_id, message, state } = sending;
    const where = to(sending);
    const failed = state === 'failed';
    const note = failed
      ? h('p.waiting-note.bad', { role: 'alert' }, icon('warning'), reason(sending))
      : h('p.waiting-note', null, state === 'sending' ? 'Sending…' : 'Waiting for the connection…');
    const discard = () => {
      client.discard(client_id);
      drop(client_id);
    };
    return h(
      'li.message.sent.pending',
      { class: failed ? 'failed' : '' },
      h(
        'div.bubble-row',
        null,
        h('div.bubble', null, where && h('p.message-head', null, where), h('div.text', null, rich(message.text))),
      ),
      note,
      state !== 'sending' && h(
        'div.waiting-acts',
        null,
        h('button', { type: 'button', onclick: () => client.retry(client_id) }, 'Try again'),
        failed && again && h('button', { type: 'button', onclick: () => { discard(); again(message.text); } }, 'Write anew'),
        h('button', { type: 'button', onclick: discard }, 'Discard'),
      ),
    );
  };
  const ends = [
    model.on('outbox', draw),
    model.on('messages', ({ type, data }) => type === 'message.created' && data.client_id && drop(data.client_id)),
  ];
  draw();
  return { node, drop, close: () => ends.forEach((end) => end()) };
}
