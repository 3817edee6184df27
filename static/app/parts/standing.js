// @ts-check
/** What somebody is in a conversation whose page he opens: whether he is in it, and may write there or change it. */

import { after } from '../after.js';
import { model } from '../model.js';
import { client, me } from '../session.js';

/** @typedef {import('../model.js').Conversation} Conversation */

/** @param {number} id */
export async function standing(id) {
  // Lists leave out who is in a large one.
  if (!model.conversation(id)?.members) await model.read(id);
  const joined = model.conversation(id) !== null;
  let known = model.conversation(id) ?? /** @type {Conversation} */ (await client.request('GET', `conversations/${id}`));
  const conversation = () => (known = model.conversation(id) ?? known);
  const owns = () => model.isOwner(conversation());
  const mayWrite = () => joined && (conversation().post === 'members' || owns());
  const opened = { mayWrite: mayWrite(), owns: owns() };
  return {
    conversation,
    joined,
    mayWrite: opened.mayWrite,
    /** Whoever leaves, is removed, or may do more or less than before, sees another page. */
    isAnother: () => (joined && !model.conversation(id)) || mayWrite() !== opened.mayWrite || owns() !== opened.owns,
    /** Hears what happened to a channel that one is not in. @param {import('../../goldcrest.js').Event} event */
    changed: (event) => {
      known = after(known, event, me()?.id).now;
      model.tell(`conversation:${id}`);
    },
  };
}
