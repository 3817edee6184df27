// @ts-check
/** What this tab knows of the server's state, kept up by events; whoever shows it is told when it is something else. */

import { client, me } from './session.js';

/** @typedef {import('../goldcrest.js').UserRef} UserRef */
/** @typedef {import('../goldcrest.js').Message} Message */
/** @typedef {import('../goldcrest.js').Event} Event */
/** @typedef {{ user: UserRef, role: 'owner' | 'member' }} Member */
/**
 * @typedef {{ id: number, kind: 'direct' | 'group' | 'channel', name: string | null, post: 'members' | 'owners', created_at: string,
 *   members: Member[] | null, last_message: Message | null, unread: number, mention_count: number, last_read_id: number | null }} Conversation
 */

/** So many conversations are kept at hand; older ones are fetched when they are opened. */
const KEPT = 300;

/** @type {Map<string, Set<(what: any) => void>>} */
const listeners = new Map();
/** @type {Map<number, Conversation>} */
const conversations = new Map();
/** @type {Map<string, string | null>} who is online by name */
const online = new Map();
let pending = 0;

/** @param {string} topic @param {(what: any) => void} listener @returns {() => void} what ends it */
function on(topic, listener) {
  const all = listeners.get(topic) ?? new Set();
  listeners.set(topic, all.add(listener));
  return () => all.delete(listener);
}

/** @param {string} topic @param {unknown} [what] */
function tell(topic, what) {
  for (const listener of [...(listeners.get(topic) ?? [])]) listener(what);
}

/** Reads all that is kept at hand. @returns {Promise<number>} the head that it was read at */
async function load() {
  const counting = loadPending();
  // Whatever is read first fails for all.
  counting.catch(() => {});
  let head = Infinity;
  /** @type {Conversation[]} */
  const found = [];
  /** @type {string | null} */
  let cursor = null;
  do {
    const page = /** @type {any} */ (await client.request('GET', 'conversations', { query: { limit: 100, cursor } }));
    head = Math.min(head, page.head);
    found.push(...page.items);
    cursor = page.next;
  } while (cursor && found.length < KEPT);
  conversations.clear();
  for (const conversation of found) conversations.set(conversation.id, conversation);
  return Math.min(head, await counting);
}

/** @returns {Promise<number>} the head that it was read at */
async function loadPending() {
  const { items, head } = await client.request('GET', 'contacts', { query: { state: 'pending', limit: 100 } });
  pending = items.length;
  tell('contacts');
  return head;
}

async function loadPresence() {
  online.clear();
  try {
    for await (const { user } of client.list('presence')) online.set(user.username, null);
  } catch {
    // A courtesy: without it nobody is shown as online.
  }
  tell('presence');
}

/** Reads one conversation again. @param {number} id */
async function refresh(id) {
  try {
    conversations.set(id, await client.request('GET', `conversations/${id}`));
  } catch {
    conversations.delete(id);
  }
  tell(`conversation:${id}`);
  tell('conversations');
}

/** @param {Event} event */
function apply(event) {
  const { type, data, conversation_id } = event;
  const [noun] = type.split('.');
  switch (noun) {
    case 'contact':
      void loadPending().catch(() => {});
      return;
    case 'block':
      tell('blocks', event);
      return;
    case 'session':
      tell('sessions', event);
      return;
    case 'key':
      tell('keys', event);
      return;
    case 'presence':
      if (data.online) online.set(data.user.username, null);
      else online.delete(data.user.username);
      tell('presence', data);
      return;
    case 'user':
      if (data.id === me()?.id) tell('me', event);
      tell('people', data);
      return;
    case 'typing':
      tell(`typing:${conversation_id}`, event);
      return;
  }
  if (noun === 'message' || noun === 'messages') tell('messages', event);
  const concerned = conversation_id ?? data.conversation_id;
  if (concerned) void refresh(concerned);
}

/** Begins to listen: to be called once. */
function begin() {
  client.on('event', apply);
  client.on('state', (state) => {
    tell('connection', state);
    // Who came and went meanwhile is not told afterwards.
    if (state.name === 'live') void loadPresence();
  });
  client.on('outbox', (all) => tell('outbox', all));
  client.on('reset', () => {
    void load().then(() => {
      for (const topic of ['conversations', 'messages', 'contacts', 'blocks', 'me', 'sessions', 'keys', 'people', 'presence']) tell(topic, { type: 'reset' });
    });
  });
}

export const model = {
  on,
  tell,
  begin,
  load,
  /** Forgets everything: somebody else may log in. */
  clear() {
    conversations.clear();
    online.clear();
    pending = 0;
  },
  /** By last activity. */
  conversations() {
    const activity = (/** @type {Conversation} */ one) => one.last_message?.created_at ?? one.created_at;
    return [...conversations.values()].sort((one, other) => activity(other).localeCompare(activity(one)));
  },
  /** @param {number} id */
  conversation: (id) => conversations.get(id) ?? null,
  /** What a conversation is called: its name, or its people's. @param {Conversation} conversation */
  title({ kind, name, members }) {
    if (name) return name;
    const others = (members ?? []).map(({ user }) => user.username).filter((username) => username !== me()?.username);
    if (others.length) return others.join(', ');
    return kind === 'direct' ? 'Notes to self' : 'Group without a name';
  },
  /** How much is unread, and how much of that names oneself. */
  unread() {
    let all = 0;
    let mentions = 0;
    for (const { unread, mention_count } of conversations.values()) {
      all += unread;
      mentions += mention_count;
    }
    return { all, mentions };
  },
  /** How many wait for an answer to their request. */
  pendingContacts: () => pending,
  /** @param {string} username */
  isOnline: (username) => online.has(username),
};
