// @ts-check
/** What a conversation is after an event, as far as that can be told without asking the server. */

/** @typedef {import('./model.js').Conversation} Conversation */
/** @typedef {import('../goldcrest.js').Event} Event */

/**
 * @param {Conversation} known
 * @param {Event} event
 * @param {number | undefined} own who looks
 * @returns {{ now: Conversation, ask: boolean }} `ask`: whether only the server knows the rest, such as how much is unread now
 */
export function after(known, { type, data }, own) {
  const { last_message: last, members } = known;
  const isUnread = (/** @type {number} */ id) => known.unread > 0 && id > (known.last_read_id ?? 0);
  switch (type) {
    case 'message.updated': {
      const named = known.mention_count > 0 || data.mentions.some((/** @type {{ id: number }} */ { id }) => id === own);
      const now = last && last.id === data.id ? { ...known, last_message: { ...last, ...data } } : known;
      return { now, ask: named && isUnread(data.id) && data.author?.id !== own };
    }
    case 'message.deleted': {
      const gone = { text: '', mentions: [], deleted_at: data.deleted_at };
      return { now: last && last.id === data.id ? { ...known, last_message: { ...last, ...gone } } : known, ask: isUnread(data.id) };
    }
    case 'message.hidden':
      return { now: known, ask: last?.id === data.id || isUnread(data.id) };
    case 'messages.expired':
      return { now: known, ask: (last !== null && last.id <= data.up_to) || (known.unread > 0 && (known.last_read_id ?? 0) < data.up_to) };
    case 'conversation.updated':
      return { now: { ...known, name: data.name, post: data.post }, ask: false };
    case 'member.added':
      if (!members) return { now: counting(known, 1), ask: data.user.id === own };
      return { now: { ...known, members: [...without(members, data.user.id), { user: data.user, role: data.role }] }, ask: data.user.id === own };
    case 'member.updated':
      return { now: { ...known, members: members?.map((one) => (one.user.id === data.user.id ? { ...one, role: data.role } : one)) ?? null }, ask: !members && data.user.id === own };
    case 'member.removed':
      return { now: members ? { ...known, members: without(members, data.user.id) } : counting(known, -1), ask: false };
    case 'user.updated':
      return { now: renamed(known, data), ask: false };
    default:
      return { now: known, ask: false };
  }
}

/** Of many it is known only how many they are. @param {Conversation} known @param {number} more @returns {Conversation} */
const counting = (known, more) => (known.member_count === undefined ? known : { ...known, member_count: known.member_count + more });

/** @param {import('./model.js').Member[]} members @param {number} id */
const without = (members, id) => members.filter(({ user }) => user.id !== id);

/** @param {Conversation} known @param {import('../goldcrest.js').UserRef} user */
function renamed(known, { id, username }) {
  const { members, last_message: last } = known;
  const among = members?.some(({ user }) => user.id === id);
  const said = last?.author?.id === id;
  if (!among && !said) return known;
  return {
    ...known,
    members: members?.map((one) => (one.user.id === id ? { ...one, user: { ...one.user, username } } : one)) ?? null,
    last_message: last && said ? { ...last, author: { id, username } } : last,
  };
}
