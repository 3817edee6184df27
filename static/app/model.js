// @ts-check
/** What this tab knows of the server's state, kept up by events; whoever shows it is told when it is something else. */

import { after } from './after.js';
import * as presence from './presence.js';
import { client, me } from './session.js';
import { on, tell, tellSoon } from './topics.js';
import * as typing from './typing.js';

/** @typedef {import('../goldcrest.js').UserRef} UserRef */
/** @typedef {import('../goldcrest.js').Message} Message */
/** @typedef {import('../goldcrest.js').Event} Event */
/** @typedef {{ user: UserRef, role: 'owner' | 'member' }} Member */
/**
 * @typedef {{ id: number, kind: 'direct' | 'group' | 'channel', name: string | null, post: 'members' | 'owners', created_at: string,
 *   members: Member[] | null, member_count?: number, last_message: Message | null, unread: number, mention_count: number, last_read_id: number | null }} Conversation
 */

/** So many conversations are kept at hand; older ones are fetched when they are opened. */
const KEPT = 300;
/** So many of the last events are remembered, for lists that were read while they came. */
const RECENT = 500;
/** How long reasons to read a conversation again are gathered, in milliseconds. */
const GATHER = 200;
/** Waits before all is read again that could not be, in milliseconds. */
const PAUSE = { first: 1_000, most: 15_000 };

/** @type {Map<number, Conversation>} */
const conversations = new Map();
/** The newest message of each conversation that was counted: whatever is not newer has been. @type {Map<number, number>} */
const counted = new Map();
/** Where on the line of events a conversation was read: what happened before is in it already. @type {Map<number, number>} */
const heads = new Map();
/** The last event. */
let latest = 0;
/** @type {Event[]} */
let recent = [];
let pending = 0;
/** Raised when somebody else may log in: what was asked before is nobody's business then. */
let turn = 0;

/** @param {Conversation} conversation */
function keep(conversation) {
  const { id, last_message } = conversation;
  conversations.set(id, conversation);
  counted.set(id, last_message?.id ?? 0);
}

/** Reads all that is kept at hand. @returns {Promise<number | null>} the head that it was read at; null if somebody else has come meanwhile */
async function load() {
  const mine = turn;
  const counting = loadPending();
  // Whatever is read first fails for all.
  counting.catch(() => {});
  let head = Infinity;
  /** @type {[Conversation, number][]} */
  const found = [];
  /** @type {string | null} */
  let cursor = null;
  do {
    const page = /** @type {any} */ (await client.request('GET', 'conversations', { query: { limit: 100, cursor } }));
    if (mine !== turn) return null;
    head = Math.min(head, page.head);
    for (const one of page.items) found.push([one, page.head]);
    cursor = page.next;
  } while (cursor && found.length < KEPT);
  const counted = await counting;
  if (mine !== turn) return null;
  forget();
  for (const [one, at] of found) {
    keep(one);
    heads.set(one.id, at);
  }
  // What came while this was read.
  for (const event of recent) if ((event.seq ?? 0) > head) take(event);
  return Math.min(head, counted);
}

function forget() {
  conversations.clear();
  counted.clear();
  heads.clear();
}

/** @returns {Promise<number>} the head that it was read at */
async function loadPending() {
  const mine = turn;
  const { items, head } = await client.request('GET', 'contacts', { query: { state: 'pending', limit: 100 } });
  if (mine === turn) pending = items.length;
  tell('contacts');
  return head;
}

/** @type {Map<number, Promise<void>>} */
const reading = new Map();
/** Reads a conversation again, once for many reasons. @param {number} id */
function refresh(id) {
  let promise = reading.get(id);
  if (!promise) {
    // Not everybody who heard the same asks in the same moment.
    const pause = GATHER * (1 + 4 * Math.random());
    const mine = turn;
    promise = new Promise((resolve) => setTimeout(resolve, pause)).then(() => {
      if (mine !== turn) return undefined;
      reading.delete(id);
      return read(id);
    });
    reading.set(id, promise);
  }
  return promise;
}

/** @param {number} id */
async function read(id) {
  const mine = turn;
  const before = latest;
  let found = null;
  try {
    found = /** @type {Conversation} */ (await client.request('GET', `conversations/${id}`));
  } catch (error) {
    if (mine !== turn || /** @type {any} */ (error).status !== 404) return;
  }
  if (mine !== turn) return;
  heads.delete(id);
  // A channel that one may look into is not one that one is in.
  if (!found || (found.kind === 'channel' && !isIn(found))) conversations.delete(id);
  else {
    keep(found);
    // Events may have overtaken the answer; what is in it already changes nothing.
    for (const event of recent) if ((event.seq ?? 0) > before && placeOf(event) === id) take(event);
  }
  tellSoon(`conversation:${id}`, 'conversations');
}

/** Where something happened. @param {Event} event @returns {number | undefined} */
const placeOf = ({ conversation_id, data }) => conversation_id ?? data?.conversation_id;

/** @param {Conversation} conversation */
const isIn = ({ members }) => !members || members.some(({ user }) => user.id === me()?.id);

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
function remember(event) {
  recent.push(event);
  if (recent.length > RECENT * 2) recent = recent.slice(-RECENT);
}

/** @param {Event} event */
function apply(event) {
  remember(event);
  latest = event.seq ?? latest;
  take(event);
  const { type, data } = event;
  const id = /** @type {number} */ (placeOf(event));
  switch (type) {
    case 'receipt.updated':
      tell(`receipts:${id}`, data);
      return;
    case 'typing.started':
      if (data.user.id === me()?.id) return;
      typing.begin(id, data.user.username, data.expires_in, () => tell(`typing:${id}`));
      tell(`typing:${id}`);
      return;
    case 'typing.stopped':
      hush(id, data.user.username);
      return;
    case 'presence.changed':
      presence.change(data);
      tellSoon('presence');
      return;
    case 'user.updated': {
      const own = me();
      if (own && data.id === own.id) {
        Object.assign(own, data);
        tell('me', event);
      }
      tell('people', data);
      return;
    }
  }
  const topic = { message: 'messages', messages: 'messages', block: 'blocks', session: 'sessions', key: 'keys' }[type.split('.')[0] ?? ''];
  if (topic) tell(topic, event);
  else if (type.startsWith('contact.')) void loadPending().catch(() => {});
}

/** What conversations are after an event. @param {Event} event */
function take(event) {
  const { type, data, seq = 0 } = event;
  if (type === 'user.updated') {
    for (const id of conversations.keys()) become(id, event);
    return;
  }
  const id = placeOf(event);
  // Those that pass change nothing that is kept; what was read later has it already.
  if (!id || !seq || seq <= (heads.get(id) ?? 0)) return;
  const own = me()?.id;
  if (type === 'message.created') said(data);
  else if (type === 'member.removed' && data.user.id === own) {
    conversations.delete(id);
    tellSoon(`conversation:${id}`, 'conversations');
  } else if (type === 'receipt.updated') {
    if (data.user.id === own) readThrough(id, data.message_id);
  } else if (conversations.has(id)) become(id, event);
  else if (type === 'conversation.created' || (type === 'member.added' && data.user.id === own)) void refresh(id);
}

/** @param {number} id @param {Event} event */
function become(id, event) {
  const known = conversations.get(id);
  if (!known) return;
  const { now, ask } = after(known, event, me()?.id);
  if (now !== known) change(id, () => now);
  if (ask) void refresh(id);
}

/** One has read so far. @param {number} id @param {number} message */
function readThrough(id, message) {
  const known = conversations.get(id);
  if (!known || message <= (known.last_read_id ?? 0)) return;
  const all = message >= (counted.get(id) ?? 0);
  change(id, () => ({ last_read_id: message, ...(all && { unread: 0, mention_count: 0 }) }));
  if (!all) void refresh(id);
}

/** @param {number} id @param {string} username */
function hush(id, username) {
  if (typing.end(id, username)) tell(`typing:${id}`);
}

/** Begins to listen: to be called once. */
function begin() {
  client.on('event', apply);
  let was = client.state.name;
  client.on('state', (state) => {
    // Who came and went meanwhile was told to nobody.
    if (state.name === 'live' && was !== 'live') void presence.load().then(() => tell('presence'));
    was = state.name;
    tell('connection', state);
  });
  client.on('outbox', (all) => tell('outbox', all));
  client.on('reset', () => void anew());
}

/** Events are missing: all is read again, as often as it takes. */
async function anew() {
  const mine = turn;
  recent = [];
  latest = 0;
  const before = [...conversations.keys()];
  for (let pause = PAUSE.first; ; pause = Math.min(pause * 2, PAUSE.most)) {
    try {
      if ((await load()) === null) return;
      break;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, pause));
      if (mine !== turn) return;
    }
  }
  for (const topic of ['conversations', 'messages', 'contacts', 'blocks', 'me', 'sessions', 'keys', 'people', 'presence']) tell(topic, { type: 'reset' });
  for (const id of new Set([...before, ...conversations.keys()])) {
    tell(`conversation:${id}`);
    tell(`receipts:${id}`, null);
  }
}

export const model = {
  on,
  tell,
  begin,
  load,
  refresh,
  read,
  /** Says that one has read so far. @param {number} id @param {number} message */
  async mark(id, message) {
    const known = conversations.get(id);
    if (!known?.unread || message <= (known.last_read_id ?? 0)) return;
    try {
      await client.request('PUT', `conversations/${id}/read`, { body: { message_id: message } });
      readThrough(id, message);
    } catch {
      // It is said again at the next look.
    }
  },
  /** Takes up a conversation that was made or found elsewhere. @param {Conversation} conversation */
  keep(conversation) {
    keep(conversation);
    tellSoon(`conversation:${conversation.id}`, 'conversations');
  },
  /** Forgets everything, what is on its way included: somebody else may log in. */
  clear() {
    turn += 1;
    forget();
    latest = 0;
    reading.clear();
    presence.clear();
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
  /** Hears of what happened in a channel that one looks into without being in it. @param {Event} event */
  overhear(event) {
    remember(event);
    tell('messages', event);
  },
  /** Whether one may change a conversation. @param {Conversation} conversation */
  isOwner: ({ members }) => members?.some(({ user, role }) => role === 'owner' && user.id === me()?.id) ?? false,
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
  isOnline: presence.isOnline,
  lastSeen: presence.lastSeen,
  /** Who is typing. @param {number} id */
  typing: typing.names,
};
