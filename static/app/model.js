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
/** So many of the last events are remembered, for lists that were read while they came. */
const RECENT = 500;
/** How long several changes are gathered before they are shown, or a conversation is read again. */
const GATHER = { show: 25, read: 200 };

/** @type {Map<string, Set<(what: any) => void>>} */
const listeners = new Map();
/** @type {Map<number, Conversation>} */
const conversations = new Map();
/** The newest message of each conversation that was counted: whatever is not newer has been. @type {Map<number, number>} */
const counted = new Map();
/** @type {Map<string, string | null>} who is online by name, or since when he is not */
const online = new Map();
/** @type {Map<string, string>} when somebody was last there */
const seen = new Map();
/** @type {Map<number, Map<string, ReturnType<typeof setTimeout>>>} who types where, until when */
const typing = new Map();
/** @type {Event[]} */
let recent = [];
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

/** @type {Set<string>} */
const gathered = new Set();
/** Tells soon, once for many changes. @param {...string} topics */
function tellSoon(...topics) {
  if (!gathered.size) {
    setTimeout(() => {
      const now = [...gathered];
      gathered.clear();
      for (const topic of now) tell(topic);
    }, GATHER.show);
  }
  for (const topic of topics) gathered.add(topic);
}

/** @param {Conversation} conversation */
function keep(conversation) {
  const { id, last_message } = conversation;
  conversations.set(id, conversation);
  counted.set(id, Math.max(counted.get(id) ?? 0, last_message?.id ?? 0));
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
  counted.clear();
  recent = [];
  found.forEach(keep);
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
  try {
    /** @type {string[]} */
    const now = [];
    for await (const { user } of client.list('presence')) now.push(user.username);
    online.clear();
    for (const username of now) online.set(username, null);
  } catch {
    // A courtesy: without it nobody is shown as online.
    online.clear();
  }
  tell('presence');
}

/** @type {Map<number, Promise<void>>} */
const reading = new Map();
/** Reads a conversation again, once for many reasons. @param {number} id */
function refresh(id) {
  let promise = reading.get(id);
  if (!promise) {
    promise = new Promise((resolve) => setTimeout(resolve, GATHER.read)).then(() => {
      reading.delete(id);
      return read(id);
    });
    reading.set(id, promise);
  }
  return promise;
}

/** @param {number} id */
async function read(id) {
  try {
    const found = /** @type {Conversation} */ (await client.request('GET', `conversations/${id}`));
    const own = me()?.id;
    // A channel that one may look into is not one that one is in.
    if (found.kind === 'channel' && found.members && !found.members.some(({ user }) => user.id === own)) conversations.delete(id);
    else keep(found);
  } catch (error) {
    if (/** @type {any} */ (error).status === 404) conversations.delete(id);
  }
  tellSoon(`conversation:${id}`, 'conversations');
}

/** Changes what is known of a conversation. @param {number} id @param {(known: Conversation) => Partial<Conversation>} how */
function change(id, how) {
  const known = conversations.get(id);
  if (!known) return;
  conversations.set(id, { ...known, ...how(known) });
  tellSoon(`conversation:${id}`, 'conversations');
}

/** @param {Message} message */
function said(message) {
  const { id, conversation_id, author, mentions } = message;
  if (author) hush(conversation_id, author.username);
  if (!conversations.has(conversation_id)) {
    void refresh(conversation_id);
    return;
  }
  if (id <= (counted.get(conversation_id) ?? 0)) return;
  counted.set(conversation_id, id);
  const own = me()?.id;
  const more = author?.id === own ? 0 : 1;
  const named = more && mentions.some((one) => one.id === own) ? 1 : 0;
  change(conversation_id, (known) => ({ last_message: message, unread: known.unread + more, mention_count: known.mention_count + named }));
}

/** @param {Event} event */
function apply(event) {
  recent.push(event);
  if (recent.length > RECENT * 2) recent = recent.slice(-RECENT);
  const { type, data } = event;
  const id = event.conversation_id ?? data?.conversation_id;
  switch (type) {
    case 'message.created':
      said(data);
      break;
    case 'message.updated': {
      const last = conversations.get(id)?.last_message;
      if (last?.id === data.id) change(id, () => ({ last_message: { ...last, ...data } }));
      // Whoever is named anew, or no more, is only known to the server.
      if (data.author?.id !== me()?.id) void refresh(id);
      break;
    }
    case 'message.deleted':
    case 'message.hidden':
    case 'messages.expired':
    case 'conversation.created':
    case 'conversation.updated':
      void refresh(id);
      break;
    case 'member.added':
    case 'member.updated':
      if (data.user.id === me()?.id || conversations.get(id)?.members) void refresh(id);
      break;
    case 'member.removed':
      if (data.user.id === me()?.id) {
        conversations.delete(id);
        tellSoon(`conversation:${id}`, 'conversations');
      } else if (conversations.get(id)?.members) void refresh(id);
      break;
    case 'receipt.updated':
      if (data.user.id === me()?.id) readThrough(id, data.message_id);
      tell(`receipts:${id}`, data);
      return;
    case 'typing.started':
      hear(id, data.user.username, data.expires_in);
      return;
    case 'typing.stopped':
      hush(id, data.user.username);
      return;
    case 'presence.changed':
      if (data.online) online.set(data.user.username, null);
      else online.delete(data.user.username);
      if (data.last_seen_at) seen.set(data.user.username, data.last_seen_at);
      tellSoon('presence');
      return;
    case 'user.updated':
      if (data.id === me()?.id) tell('me', event);
      else for (const { id: one, members } of conversations.values()) if (members?.some(({ user }) => user.id === data.id)) void refresh(one);
      tell('people', data);
      return;
  }
  const topic = { message: 'messages', messages: 'messages', block: 'blocks', session: 'sessions', key: 'keys' }[type.split('.')[0] ?? ''];
  if (topic) tell(topic, event);
  else if (type.startsWith('contact.')) void loadPending().catch(() => {});
}

/** One has read so far. @param {number} id @param {number} message */
function readThrough(id, message) {
  const known = conversations.get(id);
  if (!known || message <= (known.last_read_id ?? 0)) return;
  const all = message >= (counted.get(id) ?? 0);
  change(id, () => ({ last_read_id: message, ...(all && { unread: 0, mention_count: 0 }) }));
  if (!all) void refresh(id);
}

/** @param {number} id @param {string} username @param {number} seconds */
function hear(id, username, seconds) {
  if (username === me()?.username) return;
  const here = typing.get(id) ?? new Map();
  typing.set(id, here);
  clearTimeout(here.get(username));
  here.set(username, setTimeout(() => hush(id, username), seconds * 1_000));
  tell(`typing:${id}`);
}

/** @param {number} id @param {string} username */
function hush(id, username) {
  const here = typing.get(id);
  if (!here?.has(username)) return;
  clearTimeout(here.get(username));
  here.delete(username);
  tell(`typing:${id}`);
}

/** Begins to listen: to be called once. */
function begin() {
  client.on('event', apply);
  let was = client.state.name;
  client.on('state', (state) => {
    // Who came and went meanwhile was told to nobody.
    if (state.name === 'live' && was !== 'live') void loadPresence();
    was = state.name;
    tell('connection', state);
  });
  client.on('outbox', (all) => tell('outbox', all));
  client.on('reset', () => {
    void load().then(() => {
      for (const topic of ['conversations', 'messages', 'contacts', 'blocks', 'me', 'sessions', 'keys', 'people', 'presence']) tell(topic, { type: 'reset' });
      for (const id of conversations.keys()) tell(`conversation:${id}`);
    }, () => {});
  });
}

export const model = {
  on,
  tell,
  begin,
  load,
  refresh,
  read,
  readThrough,
  /** Takes up a conversation that was made or found elsewhere. @param {Conversation} conversation */
  keep(conversation) {
    keep(conversation);
    tellSoon(`conversation:${conversation.id}`, 'conversations');
  },
  /** Forgets everything: somebody else may log in. */
  clear() {
    conversations.clear();
    counted.clear();
    online.clear();
    seen.clear();
    typing.clear();
    recent = [];
    pending = 0;
  },
  /** By last activity. */
  conversations() {
    const activity = (/** @type {Conversation} */ one) => one.last_message?.created_at ?? one.created_at;
    return [...conversations.values()].sort((one, other) => (activity(one) < activity(other) ? 1 : activity(one) > activity(other) ? -1 : other.id - one.id));
  },
  /** @param {number} id */
  conversation: (id) => conversations.get(id) ?? null,
  /** What happened after a place on the line of events, as far as it is remembered. @param {number} head */
  since: (head) => recent.filter(({ seq }) => seq !== undefined && seq > head),
  /** What a conversation is called: its name, or its people's. @param {Pick<Conversation, 'kind' | 'name' | 'members'>} conversation */
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
  /** When somebody was last there, if that was heard. @param {string} username */
  lastSeen: (username) => seen.get(username) ?? null,
  /** Who is typing. @param {number} id */
  typing: (id) => [...(typing.get(id)?.keys() ?? [])],
};
