// @ts-check
/**
 * The JavaScript client of Goldcrest: one module without dependencies, for browsers and for Node.js 20 or newer.
 *
 *     import { Goldcrest } from '/goldcrest.js';
 *     const client = new Goldcrest();
 *     client.on('message.created', ({ data }) => console.log(data.author?.username, data.text));
 *     await client.login({ username: 'alice', password: '…' });
 *     client.start();
 *     client.send({ to: ['bob'], text: 'hello' });
 *
 * What it takes care of: every event comes exactly once and in order, however often the connection breaks, the transport
 * changes or the page is loaded again; all tabs of a browser share one connection; what is sent is kept until it is
 * acknowledged, and is never there twice. `docs/client.md`, which the server shows at `/docs/client`, tells all of it.
 *
 * @module goldcrest
 */

/** @typedef {{ id: number, username: string }} UserRef */
/** @typedef {UserRef & { status: string, email: string | null, email_confirmed: boolean, bio: string, bio_visible: string, inbox: string, admin: boolean, created_at: string, show_presence?: boolean }} Account */
/** @typedef {{ id: number, conversation_id: number, author: UserRef | null, text: string, mentions: UserRef[], thread_id: number | null, created_at: string, edited_at: string | null, deleted_at: string | null, client_id: string | null, reply_count?: number }} Message */
/** @typedef {{ to?: string[], conversation_id?: number, text: string, thread_id?: number | null, client_id?: string }} Outgoing */

/**
 * An event, as the server describes it: `docs/streams.md` has the table of types.
 *
 * @typedef {{ seq?: number, type: string, at: string, conversation_id?: number, data: any }} Event
 */

/**
 * What waits in the outbox: `sending` until there is an answer, `waiting` for the next attempt, or `failed` for good.
 *
 * @typedef {{ client_id: string, message: Outgoing, state: 'sending' | 'waiting' | 'failed', created_at: string, order: number, error: Failure | null }} Sending
 */
/** @typedef {{ status: number, code: string, detail: string, field: string | null }} Failure */

/**
 * How the connection is: `connecting`, `live`, `waiting` until `retryAt` (milliseconds since 1970) for the next attempt,
 * `offline` because the machine is, `refused` for good by the server, or `stopped`.
 *
 * @typedef {{ name: 'connecting' | 'live' | 'waiting' | 'offline' | 'refused' | 'stopped', transport: Transport | null, retryAt: number | null, error: GoldcrestError | null }} State
 */
/** @typedef {'sse' | 'websocket' | 'poll'} Transport */

/**
 * What can be listened to with `on`, beside the types of events.
 *
 * @typedef {object} Heard
 * @property {Event} event every event, whatever its type
 * @property {{ reason: string, position: number }} reset events are missing before what comes next: read your lists again
 * @property {State} state the connection is in another state
 * @property {{ reason: string }} logout the session is over, here or in another tab
 * @property {Account} login somebody logged in, here or in another tab
 * @property {Sending[]} outbox what waits to be sent is something else now
 */

/**
 * @typedef {object} Options
 * @property {string} [server] where the server is; without it, where the page comes from
 * @property {'cookie' | 'token'} [session] how a login is kept: by the browser's cookie, which no script can read (for pages of
 *   the server's own origin; the default there), or by tokens that this object holds
 * @property {string} [key] an API key, in the place of a login
 * @property {{ load(): Promise<Tokens | null> | Tokens | null, save(tokens: Tokens | null): void }} [keep] where tokens are kept;
 *   without it, in memory alone
 * @property {'auto' | Transport} [transport] how to listen; `auto` tries Server-Sent Events, WebSocket and long-polling
 * @property {boolean} [share] whether all tabs share one connection; the default in a browser
 * @property {Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'> | null} [storage] where the cursor and the
 *   outbox are kept; `localStorage` unless given, `null` for memory alone
 */
/** @typedef {{ access_token: string, refresh_token: string, expires_at: number, user: Account }} Tokens */

/** The ways to listen, as `auto` tries them. */
export const TRANSPORTS = /** @type {const} */ (['sse', 'websocket', 'poll']);

/** A stream that says nothing for so long is gone: the server says something every 20 seconds. */
const SILENCE = 45_000;
/** A transport that does not begin in this time does not work here: something between holds answers back. */
const BEGINNING = 10_000;
/** The first pause after a failure, and the longest: where somebody looks at the page, and where nobody does. */
const PAUSE = { first: 1_000, watched: 10_000, most: 30_000 };
/** What is sent and not answered in this time is sent again. */
const ANSWER = 30_000;
/** A tab that leads says so this often; one that does not for so long, or holds a lock of all tabs, is asleep. */
const LEADING = 15_000;
const ASLEEP = 40_000;
/** Messages that wait at most. */
const OUTBOX = 500;

/** What the server refused, or why it could not be asked. */
export class GoldcrestError extends Error {
  /** @param {Failure & { retryAfter?: number | null }} failure */
  constructor({ status, code, detail, field, retryAfter = null }) {
    super(detail);
    this.name = 'GoldcrestError';
    /** The status of the answer; 0 if there was none. */
    this.status = status;
    /** The stable word for the reason: `docs/errors.md`. `unreachable` if there was no answer. */
    this.code = code;
    /** What to tell people. */
    this.detail = detail;
    /** The field of the request that is wrong, if one is. */
    this.field = field;
    /** Seconds until it is worth trying again, if the server said so. */
    this.retryAfter = retryAfter;
  }

  /** Whether the same request may succeed later. */
  get passing() {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }

  /** Whether the server takes the credentials no more; what something between says of its own is another matter. */
  get unauthorized() {
    return this.status === 401 && this.code !== 'unexpected';
  }
}

/** A server and whoever is logged in there. */
export class Goldcrest {
  /** @type {Map<string, Set<(heard: any) => void>>} */
  #listeners = new Map();
  #credentials;
  /** @type {Store} */
  #store;
  /** What this tab alone keeps. @type {Store} */
  #own;
  /** The name under which it is kept who logged in last. */
  #last;
  /** @type {Feed | null} */
  #feed = null;
  /** @type {Outbox | null} */
  #outbox = null;
  /** @type {BroadcastChannel | null} */
  #doors = null;
  /** @type {Options} */
  #options;
  /** @type {Account | null} */
  #user = null;
  /** @type {State} */
  #state = { name: 'stopped', transport: null, retryAt: null, error: null };

  /** @param {Options} [options] */
  constructor(options = {}) {
    this.#options = options;
    const page = typeof location === 'object' && location.origin !== 'null' ? location.origin : '';
    const server = options.server ?? page;
    if (!server) throw new TypeError('Say which server: new Goldcrest({ server: "https://…" }).');
    /** Where the server is. */
    this.server = new URL(server, page || undefined).href.replace(/\/$/, '');
    this.#store = new Store(options.storage === undefined ? browserStore('localStorage') : options.storage, this.server);
    this.#own = new Store(options.storage === undefined ? browserStore('sessionStorage') : null, this.server);
    const session = options.session ?? (new URL(this.server).origin === page ? 'cookie' : 'token');
    if (options.transport === 'websocket' && typeof WebSocket !== 'function') {
      throw new TypeError('This program has no WebSocket: take another transport, or Node.js 22.');
    }
    // A page's cookie and tokens that are kept are two sessions.
    this.#last = `user:${session}`;
    this.#credentials = new Credentials(this.server, session, options, {
      lost: (reason) => this.#lost(reason),
      // By a cookie, all calls are made as whoever logged in last, in whatever tab.
      strange: () => this.#user !== null && ![null, String(this.#user.id)].includes(this.#store.get(this.#last)),
    });
    if (this.#shares && this.#credentials.shared && typeof BroadcastChannel === 'function') {
      this.#doors = new BroadcastChannel(`goldcrest:${this.server}:${session}`);
      this.#doors.onmessage = ({ data: { kind, user, reason } }) => {
        if (kind === 'logout' && user === this.#user?.id) this.#ended(reason, { told: true });
        if (kind === 'login' && user !== this.#user?.id) {
          this.#ended('another_user');
          void this.#takeUp();
        }
      };
    }
  }

  get #shares() {
    return (this.#options.share ?? typeof document === 'object') && !this.#options.key;
  }

  /** Whoever is logged in. */
  get user() {
    return this.#user;
  }

  /** How the connection is. */
  get state() {
    return this.#state;
  }

  /** The `seq` up to which everything was heard, or null before the stream began. */
  get position() {
    return this.#feed?.position ?? null;
  }

  /** What waits to be sent, the oldest first. */
  get outbox() {
    return this.#outbox?.entries() ?? [];
  }

  /**
   * Calls `listener` with whatever is heard under this name: the type of an event (`message.created`), or one of `Heard`.
   *
   * @template {keyof Heard | (string & {})} K
   * @param {K} type
   * @param {(heard: K extends keyof Heard ? Heard[K] : Event) => void} listener
   * @returns {() => void} what ends it
   */
  on(type, listener) {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /** @param {string} type @param {unknown} heard */
  #tell(type, heard) {
    for (const listener of [...(this.#listeners.get(type) ?? [])]) {
      // One listener's mistake takes nothing away from the others.
      try {
        listener(heard);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  // Sessions.

  /**
   * Logs in.
   *
   * @param {{ username?: string, email?: string, password: string, name?: string, remember?: boolean }} who `name` is how the session
   *   is shown in the list of devices; where `remember` is false, its cookie ends with the browser
   * @returns {Promise<Account>}
   */
  async login(who) {
    const user = await this.#credentials.login('sessions', who);
    return this.#begun(user, true);
  }

  /**
   * Registers. The account is `pending` until a mailed link is used where the server wants that, and nobody logged in.
   *
   * @param {{ username: string, password: string, email?: string, bio?: string, invitation?: string, name?: string }} who
   *   `name` is how the session is shown in the list of devices
   * @returns {Promise<Account>}
   */
  async register(who) {
    const user = await this.#credentials.login('users', who);
    return user.status === 'pending' ? user : this.#begun(user, true);
  }

  /**
   * Goes on with a session that a cookie, kept tokens or a key hold. Where there was one that is over, `logout` says so.
   *
   * @returns {Promise<Account | null>} null if there is none
   * @throws {GoldcrestError} if the server cannot be asked, or takes the key no more
   */
  async resume() {
    const { turn } = this.#credentials;
    const last = this.#store.get(this.#last);
    if (!(await this.#credentials.load())) return null;
    if (turn !== this.#credentials.turn) return this.#user;
    try {
      const user = await this.#credentials.whose();
      if (turn !== this.#credentials.turn) return this.#user;
      if (user) return this.#begun(user, false);
      // Whoever logged in meanwhile, in another tab, is not over.
      if (last !== null && last === this.#store.get(this.#last)) this.#gone();
      return null;
    } catch (error) {
      if (error instanceof GoldcrestError && error.unauthorized && !this.#options.key) return this.#user;
      throw error;
    }
  }

  /** Whoever was here, or was promised, is not any more. */
  #gone() {
    this.#promised = false;
    if (this.#credentials.shared) this.#store.remove(this.#last);
    this.#tell('logout', { reason: 'session_ended' });
  }

  /** Goes on as whoever logged in in another tab. */
  async #takeUp() {
    this.#credentials.drop();
    const mine = (this.#taking += 1);
    const isAwaited = () => mine === this.#taking && !this.#user && !this.#closed;
    for (let pause = PAUSE.first; isAwaited(); pause = longer(pause)) {
      try {
        await this.resume();
        // Whoever was promised that somebody comes learns that it is nobody.
        if (isAwaited() && this.#promised) this.#gone();
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, spread(pause)));
      }
    }
  }

  /** How often somebody was taken up, and whether `another_user` was told and nobody came yet. */
  #taking = 0;
  #promised = false;
  #closed = false;

  /**
   * Logs out, here and in all tabs that share the session: it ends, and what it had not sent is forgotten.
   *
   * @param {{ by?: () => Promise<unknown> }} [how] `by` is another call that ends the session, such as the one that deletes the account
   * @throws {GoldcrestError} if the server cannot be asked, or refuses; one is still logged in then
   */
  async logout({ by = () => this.#credentials.logout() } = {}) {
    const user = this.#user;
    if (!user) return;
    const { turn } = this.#credentials;
    this.#leaving = true;
    try {
      await by();
    } finally {
      this.#leaving = false;
    }
    if (turn === this.#credentials.turn) this.#ended('logged_out');
    // Another tab heard of it before the answer came, and somebody else may be here by now: what is left is his who went.
    else if (this.#user?.id !== user.id) {
      this.#store.of(user.id).clear();
      if (this.#store.get(this.#last) === String(user.id)) this.#store.remove(this.#last);
    }
  }

  /** Whether one logs out just now: the stream may say that the session is over before the answer does. */
  #leaving = false;

  /** @param {Account} user @param {boolean} aloud */
  #begun(user, aloud) {
    if (this.#user && this.#user.id !== user.id) this.#ended('another_user');
    const isNew = this.#user?.id !== user.id;
    this.#user = user;
    this.#promised = false;
    if (this.#credentials.shared) this.#store.set(this.#last, String(user.id));
    if (isNew) {
      /** @param {Outgoing} message @param {AbortSignal} signal */
      const post = (message, signal) => this.#credentials.call('POST', 'messages', { body: message, signal });
      const shared = this.#shares ? `goldcrest:${this.server}:${user.id}:outbox` : null;
      this.#outbox = new Outbox(this.#store.of(user.id), shared, post, (all) => this.#tell('outbox', all));
      this.#tell('login', user);
      this.#outbox?.flush();
    }
    if (aloud) this.#doors?.postMessage({ kind: 'login', user: user.id });
    return user;
  }

  /** What is shown to the server is not good any more. @param {string} reason */
  #lost(reason) {
    if (!this.#user) {
      this.#credentials.forget();
      if (reason === 'session_ended' && !this.#options.key) this.#gone();
    }
    this.#ended(reason);
    if (reason === 'another_user') void this.#takeUp();
  }

  /**
   * The session is over. Where that was found out, what was kept of it is forgotten, and the other tabs are told; a tab that
   * is told forgets nothing that may be another session's by now. What was not sent stays for the same user's next session,
   * unless it was himself who ended this one.
   *
   * @param {string} reason
   * @param {{ told?: boolean }} [how]
   */
  #ended(reason, { told = false } = {}) {
    const user = this.#user;
    if (!user) return;
    const why = this.#leaving && reason !== 'another_user' ? 'logged_out' : reason;
    this.stop();
    this.#user = null;
    this.#outbox?.end({ ...notLoggedIn, detail: 'Logged out before the server had acknowledged it.' });
    this.#outbox = null;
    this.#typed.clear();
    if (why === 'logged_out') {
      this.#store.of(user.id).remove('cursor');
      this.#own.of(user.id).clear();
    }
    this.#promised = why === 'another_user';
    if (this.#promised) this.#credentials.next();
    else if (told) this.#credentials.drop();
    else {
      this.#credentials.forget();
      if (why === 'logged_out') {
        this.#store.of(user.id).clear();
        this.#store.remove(this.#last);
      }
      this.#doors?.postMessage({ kind: 'logout', user: user.id, reason: why });
    }
    this.#tell('outbox', []);
    this.#tell('logout', { reason: why });
  }

  // Requests.

  /**
   * Calls the API: `request('GET', 'conversations')`. Paths are below `/api/v1`.
   *
   * @param {'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'} method
   * @param {string} path
   * @param {{ query?: Record<string, unknown>, body?: unknown, signal?: AbortSignal }} [more]
   * @returns {Promise<any>} the answer; null if it has no content
   * @throws {GoldcrestError}
   */
  request(method, path, more = {}) {
    return this.#credentials.call(method, path, more);
  }

  /**
   * Calls the API where the answer is no JSON: for the lines of an export, for instance.
   *
   * @param {'GET' | 'POST'} method
   * @param {string} path
   * @param {{ body?: unknown, signal?: AbortSignal }} [more]
   * @returns {Promise<Response>}
   * @throws {GoldcrestError}
   */
  fetch(method, path, more = {}) {
    return this.#credentials.answer(method, path, more);
  }

  /**
   * All entries of a list, part after part.
   *
   * @param {string} path
   * @param {Record<string, unknown>} [query]
   */
  async *list(path, query = {}) {
    for (let cursor = query.cursor; ; ) {
      const { items, next } = await this.request('GET', path, { query: { ...query, cursor } });
      yield* items;
      if (next === null) return;
      cursor = next;
    }
  }

  /** A ticket that opens `/stream?ticket=…` for whoever cannot send headers. @returns {Promise<{ ticket: string, expires_in: number }>} */
  ticket() {
    return this.request('POST', 'stream-tickets');
  }

  /**
   * Sends a message, now or as soon as that is possible, also after the page was loaded again. It is there once.
   *
   * @param {Outgoing} message
   * @returns {{ client_id: string, sent: Promise<Message> }} `sent` fails if the server refuses the message for good
   */
  send(message) {
    if (!this.#outbox) throw new GoldcrestError(notLoggedIn);
    return this.#outbox.add(message);
  }

  /** Tries a message again that had failed. @param {string} client_id */
  retry(client_id) {
    this.#outbox?.retry(client_id);
  }

  /** Forgets a message that had failed, or waits; its `sent` fails. @param {string} client_id */
  discard(client_id) {
    this.#outbox?.discard(client_id);
  }

  /**
   * Tells the others in a conversation that one is typing there; call it at every key, it speaks up every 3 seconds.
   *
   * @param {number} conversation
   * @param {{ stopped?: boolean }} [how]
   */
  typing(conversation, { stopped = false } = {}) {
    const now = Date.now();
    const last = this.#typed.get(conversation);
    if (stopped ? last === undefined : last !== undefined && now - last < 3_000) return;
    if (stopped) this.#typed.delete(conversation);
    else this.#typed.set(conversation, now);
    const body = stopped ? { stopped } : {};
    // It is a courtesy: whether it arrives matters to nobody.
    void this.request('POST', `conversations/${conversation}/typing`, { body }).catch(() => {});
  }

  /** @type {Map<number, number>} */
  #typed = new Map();

  // Streams.

  /**
   * Listens: from `after` on (the `head` of a list), or from where this user had come to in this tab, or else in this browser,
   * or from now on.
   *
   * @param {{ after?: number, channels?: string[] }} [from] `channels` are public ones to follow without being a member
   */
  start({ after, channels = [] } = {}) {
    if (!this.#user) throw new GoldcrestError(notLoggedIn);
    this.stop();
    // Tabs share the one and not the other: one that lags begins again where it had come to itself.
    const places = [this.#own.of(this.#user.id), this.#store.of(this.#user.id)];
    const kept = Number(places.map((place) => place.get('cursor')).find((cursor) => cursor !== null) ?? NaN);
    const options = {
      credentials: this.#credentials,
      transport: this.#options.transport ?? 'auto',
      shared: this.#shares ? `goldcrest:${this.server}:${this.#user.id}` : null,
      position: after ?? (Number.isSafeInteger(kept) ? kept : null),
      channels,
    };
    this.#feed = new Feed(options, {
      event: (event) => {
        if (event.type === 'message.created') this.#outbox?.heard(event.data, this.#user?.id);
        this.#tell(event.type, event);
        this.#tell('event', event);
      },
      reset: (reset) => this.#tell('reset', reset),
      moved: (position) => places.forEach((place) => place.set('cursor', String(position))),
      state: (state) => {
        this.#state = state;
        this.#tell('state', state);
        if (state.name === 'live') this.#outbox?.flush({ hurry: true });
      },
      over: (reason) => this.#ended(reason),
    });
    this.#feed.start();
  }

  /** Stops listening. */
  stop() {
    this.#feed?.stop();
    this.#feed = null;
    if (this.#state.name !== 'stopped') {
      this.#state = { name: 'stopped', transport: null, retryAt: null, error: null };
      this.#tell('state', this.#state);
    }
  }

  /** Stops listening and lets go of everything; the session stays. */
  close() {
    this.#closed = true;
    this.stop();
    this.#outbox?.end({ status: 0, code: 'closed', detail: 'Closed before the server had acknowledged it. It may be there.', field: null });
    this.#outbox = null;
    this.#user = null;
    this.#credentials.drop();
    this.#doors?.close();
  }
}

const notLoggedIn = { status: 401, code: 'unauthorized', detail: 'Log in first.', field: null };

// ── Credentials, and calls with them ──────────────────────────────────────────────────────────────────────────────────

/** Shows credentials with each call, and gets new ones when they run out. */
class Credentials {
  #server;
  #session;
  #key;
  #keep;
  #told;
  /** @type {Tokens | null} */
  #tokens = null;
  /** @type {Promise<void> | null} */
  #refreshing = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** Which session this is: an answer to a call of an earlier one says nothing about it. */
  turn = 0;

  /** @param {string} server @param {'cookie' | 'token'} session @param {Options} options @param {{ lost(reason: string): void, strange(): boolean }} told */
  constructor(server, session, options, told) {
    this.#server = server;
    this.#session = session;
    this.#key = options.key ?? null;
    this.#keep = options.keep;
    this.#told = told;
  }

  /** Whether all tabs have one session. */
  get shared() {
    return this.#byCookie || (!this.#key && this.#keep !== undefined);
  }

  /** Whether the browser shows a cookie by itself. */
  get #byCookie() {
    return !this.#key && this.#session === 'cookie';
  }

  /** What stands in the header, if anything does. */
  get bearer() {
    return this.#key ?? (this.#byCookie ? null : (this.#tokens?.access_token ?? null));
  }

  /** @param {string} path */
  url(path) {
    return new URL(`${this.#server}${path}`);
  }

  /** Takes up what was kept. Returns whether there is anything to show. */
  async load() {
    if (this.#key || this.#byCookie) return true;
    const kept = (await this.#keep?.load()) ?? null;
    this.#tokens ??= kept;
    this.#plan();
    return this.#tokens !== null;
  }

  /** Whose session it is. @returns {Promise<Account | null>} null if there is none by the cookie, for which nobody is refused */
  async whose() {
    return this.#byCookie ? (await this.call('GET', 'sessions/current', {})).user : this.call('GET', 'me', {});
  }

  /** From here on it is another session. */
  next() {
    this.turn += 1;
    this.#refreshing = null;
  }

  /** Lets go of the session here; what is kept of it stays. */
  drop() {
    this.next();
    clearTimeout(this.#timer);
    this.#tokens = null;
  }

  /** Lets go of the session, for all who share it. */
  forget() {
    if (this.#tokens) this.#keep?.save(null);
    this.drop();
  }

  /** @param {string} path @param {object} who @returns {Promise<Account>} */
  async login(path, who) {
    const body = this.#byCookie ? { ...who, cookie: true } : who;
    const answer = await this.call('POST', path, { body, open: true });
    // Who registers and has to confirm an address first is not logged in.
    if (answer.user.status === 'pending') return answer.user;
    this.next();
    if (!this.#byCookie && answer.access_token) this.#take(answer, answer.user);
    return answer.user;
  }

  async logout() {
    try {
      await this.call('DELETE', 'sessions/current', {});
    } catch (error) {
      // One that is over already is what was wanted.
      if (!(error instanceof GoldcrestError && error.unauthorized)) throw error;
    }
  }

  /** @param {{ access_token: string, refresh_token: string, expires_in: number }} pair @param {Account} user */
  #take({ access_token, refresh_token, expires_in }, user) {
    this.#tokens = { access_token, refresh_token, expires_at: Date.now() + expires_in * 1000, user };
    this.#keep?.save(this.#tokens);
    this.#plan();
  }

  /** Refreshes before the token runs out, rather than after a call was refused. */
  #plan() {
    clearTimeout(this.#timer);
    if (!this.#tokens) return;
    const left = this.#tokens.expires_at - Date.now();
    // A stream is told a minute before, so earlier than that; but not at once again where a token lasts no longer anyway.
    const soon = Math.max(1_000, Math.min(left * 0.8, Math.max(left - 90_000, left / 2)));
    this.#timer = setTimeout(() => void this.refresh().catch(() => {}), Math.min(soon, 2 ** 31 - 1));
    // A program is not kept from ending by this.
    if (typeof this.#timer === 'object') /** @type {any} */ (this.#timer).unref?.();
  }

  /** Gets a new access token. Only one of several tabs asks, since each refresh token is used once. */
  refresh() {
    if (this.#refreshing) return this.#refreshing;
    const refreshing = this.#refresh().finally(() => {
      if (this.#refreshing === refreshing) this.#refreshing = null;
    });
    this.#refreshing = refreshing;
    return refreshing;
  }

  async #refresh() {
    const before = this.#tokens;
    if (!before) throw new GoldcrestError(notLoggedIn);
    const turn = this.turn;
    const isOver = () => {
      if (turn !== this.turn) throw new GoldcrestError(notLoggedIn);
    };
    const shared = this.#keep ? `goldcrest:${this.#server}:${before.user.id}:refresh` : null;
    await locked(shared, async () => {
      // Another tab may have done it meanwhile, or have another user by now.
      const kept = (await this.#keep?.load()) ?? before;
      isOver();
      if (kept.user.id !== before.user.id) {
        this.#told.lost('another_user');
        throw new GoldcrestError(notLoggedIn);
      }
      if (kept.access_token !== before.access_token) {
        this.#tokens = kept;
        this.#plan();
        return;
      }
      const body = { refresh_token: before.refresh_token };
      try {
        const pair = await this.call('POST', 'sessions/refresh', { body, open: true, signal: AbortSignal.timeout(ANSWER) });
        isOver();
        this.#take(pair, before.user);
      } catch (error) {
        isOver();
        if (error instanceof GoldcrestError && error.unauthorized) this.#told.lost('session_ended');
        throw error;
      }
    });
  }

  /** Whether a call that was refused for its credentials may be tried with fresh ones; if not, the session is over. */
  async renew() {
    if (this.#tokens) {
      await this.refresh();
      return true;
    }
    this.#told.lost('session_ended');
    return false;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {{ query?: Record<string, unknown>, body?: unknown, signal?: AbortSignal, open?: boolean }} more `open` calls show no credentials
   */
  async call(method, path, more) {
    const answer = await this.answer(method, path, more);
    return answer.status === 204 || answer.status === 202 ? null : answer.json();
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {{ query?: Record<string, unknown>, body?: unknown, signal?: AbortSignal, open?: boolean }} more
   */
  async answer(method, path, more) {
    const [bearer, turn] = [this.bearer, this.turn];
    if (!more.open) this.check();
    try {
      return await this.#attempt(method, path, more);
    } catch (error) {
      if (!(error instanceof GoldcrestError) || !error.unauthorized || more.open) throw error;
      // It is the password in the body that is wrong, and not what the session shows.
      if (error.code === 'invalid_credentials') throw error;
      // Whoever asked is not logged in any more: nothing is done in the name of whoever is now.
      if (turn !== this.turn) throw error;
      // Refreshed by another call while this one was under way, it has credentials that were never refused.
      if (bearer === this.bearer && !(await this.renew())) throw error;
      if (turn !== this.turn) throw error;
      return this.#attempt(method, path, more);
    }
  }

  /** Nothing is asked for with the cookie of somebody else, who logged in while this tab slept. */
  check() {
    if (!this.#byCookie || !this.#told.strange()) return;
    this.#told.lost('another_user');
    throw new GoldcrestError(notLoggedIn);
  }

  /** @param {string} method @param {string} path @param {{ query?: Record<string, unknown>, body?: unknown, signal?: AbortSignal, open?: boolean }} more */
  #attempt(method, path, { query = {}, body, signal, open = false }) {
    const url = this.url(`/api/v1/${path}`);
    for (const [name, value] of Object.entries(query)) {
      for (const one of Array.isArray(value) ? value : [value]) {
        if (one !== undefined && one !== null) url.searchParams.append(name, String(one));
      }
    }
    return this.fetch(url, {
      method,
      headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
      signal: signal ?? null,
    }, open);
  }

  /**
   * A request that fails unless its answer is good.
   *
   * @param {URL} url
   * @param {RequestInit} init
   * @param {boolean} [open]
   */
  async fetch(url, init, open = false) {
    if (!open) this.check();
    const headers = new Headers(init.headers);
    if (this.bearer && !open) headers.set('Authorization', `Bearer ${this.bearer}`);
    // Cookies go to the server's own pages alone.
    const credentials = this.#byCookie ? 'same-origin' : 'omit';
    let answer;
    try {
      answer = await fetch(url, { ...init, headers, credentials, cache: 'no-store' });
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw unreachable('The server cannot be reached.');
    }
    if (answer.ok) return answer;
    throw await refused(answer);
  }
}

/** @param {string} detail */
function unreachable(detail) {
  return new GoldcrestError({ status: 0, code: 'unreachable', detail, field: null });
}

/** Whether the server refuses it for good. What something between refuses of its own it may let through another time. @param {GoldcrestError} error */
function isFinal(error) {
  return !error.passing && !error.unauthorized && error.code !== 'unexpected';
}

/** @param {Response} answer */
async function refused(answer) {
  const problem = await answer.json().catch(() => ({}));
  const after = Number(answer.headers.get('Retry-After') ?? NaN);
  return new GoldcrestError({
    status: answer.status,
    code: problem.code ?? 'unexpected',
    detail: problem.detail ?? `The server answered with ${answer.status}.`,
    field: problem.field ?? null,
    retryAfter: Number.isFinite(after) ? after : null,
  });
}

// ── What is kept ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** @param {'localStorage' | 'sessionStorage'} name @returns {Options['storage']} */
function browserStore(name) {
  try {
    const storage = globalThis[name];
    // Some versions of Node.js have an object of that name that holds nothing and cannot.
    return typeof storage?.getItem === 'function' ? storage : null;
  } catch {
    // A page may be forbidden to keep anything.
    return null;
  }
}

/** Keeps a few strings, in memory if nothing else will. */
class Store {
  #storage;
  #prefix;
  #memory;

  /** @param {NonNullable<Options['storage']> | null | undefined} storage @param {string} prefix @param {Map<string, string>} [memory] */
  constructor(storage, prefix, memory = new Map()) {
    this.#storage = storage ?? null;
    this.#prefix = prefix;
    this.#memory = memory;
  }

  /** One user's own. @param {number} user */
  of(user) {
    return new Store(this.#storage, `${this.#prefix}:${user}`, this.#memory);
  }

  /** @param {string} name */
  #full(name) {
    return `goldcrest:${this.#prefix}:${name}`;
  }

  /** @param {string} name */
  get(name) {
    return this.#memory.get(this.#full(name)) ?? this.#storage?.getItem(this.#full(name)) ?? null;
  }

  /** @param {string} name @param {string} value */
  set(name, value) {
    try {
      if (this.#storage) {
        this.#storage.setItem(this.#full(name), value);
        this.#memory.delete(this.#full(name));
        return;
      }
    } catch {
      // It is full, or closed to us.
    }
    this.#memory.set(this.#full(name), value);
  }

  /** @param {string} name */
  remove(name) {
    this.#memory.delete(this.#full(name));
    this.#storage?.removeItem(this.#full(name));
  }

  /** The names that begin so. @param {string} beginning */
  names(beginning) {
    const full = this.#full(beginning);
    const found = new Set(this.#memory.keys());
    for (let index = 0; index < (this.#storage?.length ?? 0); index += 1) found.add(this.#storage?.key(index) ?? '');
    const cut = this.#full('').length;
    return [...found].filter((name) => name.startsWith(full)).map((name) => name.slice(cut));
  }

  clear() {
    for (const name of this.names('')) this.remove(name);
  }
}

/**
 * Does something while no other tab does it, unless that one has been asleep over it for long.
 *
 * @template T
 * @param {string | null} name null where there are no other tabs
 * @param {() => Promise<T>} action
 * @returns {Promise<T>}
 */
async function locked(name, action) {
  if (!name || !hasLocks()) return action();
  const waiting = new AbortController();
  const timer = setTimeout(() => waiting.abort(), ASLEEP);
  let begun = false;
  const begin = () => {
    begun = true;
    clearTimeout(timer);
    return action();
  };
  try {
    return await navigator.locks.request(name, { signal: waiting.signal }, begin);
  } catch (error) {
    if (begun) throw error;
    if (waiting.signal.aborted) return navigator.locks.request(name, { steal: true }, begin);
    // A page that was forbidden to keep anything has no locks either, and no tabs that it shares anything with.
    return begin();
  } finally {
    clearTimeout(timer);
  }
}

/** Browsers lock for pages that came over TLS or from this machine alone. */
function hasLocks() {
  return typeof navigator === 'object' && Boolean(navigator.locks);
}

// ── The outbox ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Keeps what is to be sent until the server has it. Each message has a key of its own, so that tabs do not overwrite each other's. */
class Outbox {
  #store;
  #post;
  #changed;
  #shared;
  /** @type {Map<string, { resolve: (message: Message) => void, reject: (error: unknown) => void }>} */
  #waiting = new Map();
  /** @type {BroadcastChannel | null} */
  #tabs = null;
  #flushing = false;
  #again = false;
  #over = false;
  #pause = PAUSE.first;
  #rest = new Rest();
  #last = 0;
  #stop = new AbortController();

  /** @param {Store} store @param {string | null} shared @param {(message: Outgoing, signal: AbortSignal) => Promise<Message>} post @param {(all: Sending[]) => void} changed */
  constructor(store, shared, post, changed) {
    this.#store = store;
    this.#shared = shared;
    this.#post = post;
    this.#changed = changed;
    if (shared && typeof BroadcastChannel === 'function') {
      this.#tabs = new BroadcastChannel(shared);
      this.#tabs.onmessage = ({ data: { client_id, message, failure } }) => {
        if (message) this.#settle(client_id, (waiting) => waiting.resolve(message));
        else if (failure) this.#settle(client_id, (waiting) => waiting.reject(new GoldcrestError(failure)));
        this.#changed(this.entries());
      };
    }
    if (typeof addEventListener === 'function') {
      addEventListener('online', () => this.flush({ hurry: true }), { signal: this.#stop.signal });
    }
  }

  entries() {
    const entries = this.#store.names('outbox:').map((name) => this.#read(name.slice('outbox:'.length)));
    return /** @type {Sending[]} */ (entries.filter(Boolean)).sort((one, other) => one.order - other.order);
  }

  /** @param {string} client_id @returns {Sending | null} */
  #read(client_id) {
    try {
      return JSON.parse(this.#store.get(`outbox:${client_id}`) ?? 'null');
    } catch {
      return null;
    }
  }

  /** @param {Sending} entry */
  #write(entry) {
    this.#store.set(`outbox:${entry.client_id}`, JSON.stringify(entry));
    this.#changed(this.entries());
    this.#tabs?.postMessage({ client_id: entry.client_id });
  }

  /** @param {Outgoing} message */
  add(message) {
    if (this.entries().length >= OUTBOX) {
      const detail = `${OUTBOX} messages wait to be sent already.`;
      throw new GoldcrestError({ status: 0, code: 'outbox_full', detail, field: null });
    }
    const client_id = message.client_id ?? unique();
    // Later than all before, also within a millisecond.
    this.#last = Math.max(this.#last + 0.001, Date.now());
    const created_at = new Date().toISOString();
    const entry = /** @type {Sending} */ ({
      client_id, message: { ...message, client_id }, state: 'sending', created_at, order: this.#last, error: null,
    });
    /** @type {Promise<Message>} */
    const sent = new Promise((resolve, reject) => this.#waiting.set(client_id, { resolve, reject }));
    // Whoever does not ask is not told; `outbox` tells it too.
    sent.catch(() => {});
    this.#write(entry);
    this.flush();
    return { client_id, sent };
  }

  /** @param {string} client_id */
  retry(client_id) {
    const entry = this.#read(client_id);
    if (!entry) return;
    this.#write({ ...entry, state: 'sending', error: null });
    this.flush({ hurry: true });
  }

  /** @param {string} client_id */
  discard(client_id) {
    const failure = { status: 0, code: 'discarded', detail: 'It was discarded before it was sent.', field: null };
    this.#store.remove(`outbox:${client_id}`);
    this.#settle(client_id, (waiting) => waiting.reject(new GoldcrestError(failure)));
    this.#changed(this.entries());
    this.#tabs?.postMessage({ client_id, failure });
  }

  /** Takes a message that comes by the stream for the answer to sending it, which may never come. @param {Message} message @param {number | undefined} own */
  heard(message, own) {
    const { client_id, author } = message;
    if (!client_id || author?.id !== own || !this.#read(client_id)) return;
    this.#store.remove(`outbox:${client_id}`);
    this.#settle(client_id, (waiting) => waiting.resolve(message));
    this.#changed(this.entries());
  }

  /** @param {Failure} failure what is said to whoever waits */
  end(failure) {
    this.#over = true;
    this.#stop.abort();
    this.#rest.end();
    this.#tabs?.close();
    for (const { reject } of this.#waiting.values()) reject(new GoldcrestError(failure));
    this.#waiting.clear();
  }

  /**
   * Sends what there is, in its order. Another tab that does so already takes this one's along.
   *
   * @param {{ hurry?: boolean }} [how] whether there is reason to believe that what failed would succeed now
   */
  flush({ hurry = false } = {}) {
    if (hurry) this.#rest.hurry();
    if (this.#flushing) {
      this.#again = true;
      return;
    }
    if (this.#over || !this.entries().some(({ state }) => state !== 'failed')) return;
    this.#flushing = true;
    void this.#run().finally(() => {
      this.#flushing = false;
      if (this.#again && !this.#over) {
        this.#again = false;
        this.flush();
      }
    });
  }

  async #run() {
    while (!this.#over) {
      // The lock is held for one message, and not through the pauses. Where it was stolen, this page had been asleep.
      const pause = await locked(this.#shared, () => this.#attempt()).catch(() => ({ milliseconds: PAUSE.first, fixed: false }));
      if (pause === null) return;
      if (pause.milliseconds && !this.#over) await this.#rest.take(pause.milliseconds, pause);
    }
  }

  /** Sends the oldest. @returns {Promise<{ milliseconds: number, fixed?: boolean } | null>} the pause before the next; null if there is none */
  async #attempt() {
    const entry = this.entries().find(({ state }) => state !== 'failed');
    if (!entry || this.#over) return null;
    if (entry.state !== 'sending') this.#write({ ...entry, state: 'sending' });
    try {
      const message = await this.#post(entry.message, AbortSignal.any([this.#stop.signal, AbortSignal.timeout(ANSWER)]));
      this.#pause = PAUSE.first;
      this.#store.remove(`outbox:${entry.client_id}`);
      this.#settle(entry.client_id, (waiting) => waiting.resolve(message));
      this.#tabs?.postMessage({ client_id: entry.client_id, message });
      this.#changed(this.entries());
      return { milliseconds: 0 };
    } catch (error) {
      if (this.#over) return null;
      // It was discarded meanwhile.
      if (!this.#read(entry.client_id)) return { milliseconds: 0 };
      const refusal = error instanceof GoldcrestError ? error : unreachable(String(error));
      const { status, code, detail, field, retryAfter } = refusal;
      const failure = { status, code, detail, field };
      // A session that is over ends the outbox, too: otherwise there is another by now, and it is sent in that.
      if (!refusal.passing && !refusal.unauthorized) {
        this.#write({ ...entry, state: 'failed', error: failure });
        this.#settle(entry.client_id, (waiting) => waiting.reject(refusal));
        this.#tabs?.postMessage({ client_id: entry.client_id, failure });
        return { milliseconds: 0 };
      }
      this.#write({ ...entry, state: 'waiting', error: failure });
      // What the server asked to wait for is waited for.
      if (retryAfter !== null) return { milliseconds: retryAfter * 1000, fixed: true };
      const milliseconds = spread(this.#pause);
      this.#pause = longer(this.#pause);
      return { milliseconds };
    }
  }

  /** @param {string} client_id @param {(waiting: { resolve: (message: Message) => void, reject: (error: unknown) => void }) => void} how */
  #settle(client_id, how) {
    const waiting = this.#waiting.get(client_id);
    this.#waiting.delete(client_id);
    if (waiting) how(waiting);
  }
}

/** What nobody else has. Browsers make UUIDs only for pages that came over TLS or from this machine, and bytes for all. */
function unique() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Between half and one and a half of it, so that not all come back at once. @param {number} pause */
function spread(pause) {
  return pause * (0.5 + Math.random());
}

/** The pause after this one: not so long where somebody looks at the page and waits. @param {number} pause */
function longer(pause) {
  return Math.min(pause * 2, globalThis.document?.visibilityState === 'visible' ? PAUSE.watched : PAUSE.most);
}

/** A pause that others may cut short, unless the server asked for it. */
class Rest {
  /** @type {(() => void) | null} */
  #wake = null;
  #fixed = false;

  /** @param {number} milliseconds @param {{ fixed?: boolean }} [how] */
  async take(milliseconds, { fixed = false } = {}) {
    this.#fixed = fixed;
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve(null);
      };
    });
    this.#wake = null;
  }

  /** There is reason to believe that what failed would succeed now. */
  hurry() {
    if (!this.#fixed) this.#wake?.();
  }

  /** Nothing comes after it any more. */
  end() {
    this.#wake?.();
  }
}

// ── The stream ────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * @typedef {object} FeedOptions
 * @property {Credentials} credentials
 * @property {'auto' | Transport} transport
 * @property {string | null} shared the name under which tabs find each other
 * @property {number | null} position where to go on from; null for now
 * @property {string[]} channels
 */
/**
 * @typedef {object} FeedListener
 * @property {(event: Event) => void} event
 * @property {(reset: { reason: string, position: number }) => void} reset
 * @property {(position: number) => void} moved
 * @property {(state: State) => void} state
 * @property {(reason: string) => void} over
 */

/**
 * One tab's way along the line of events: over a connection of its own, or by what the tab tells that has the connection.
 * Each tab has its own position. What it is told of says from where to where it goes, so a tab that missed some of it
 * knows, and reads that from the server.
 */
class Feed {
  #options;
  #told;
  /** @type {number | null} */
  position;
  /** @type {Connection | null} */
  #connection = null;
  /** @type {Tabs | null} */
  #tabs = null;
  /** What the connection listens to: this tab's channels and the others'. @type {Set<string>} */
  #channels;
  /** Other tabs' channels that it was refused with. @type {Set<string>} */
  #refused = new Set();
  /** @type {State} */
  #state = { name: 'connecting', transport: null, retryAt: null, error: null };
  #goal = 0;
  #catching = false;
  #resets = 0;
  /** Whether the leader was asked where he is, and whether the server is, whether there is such a place on its line, and such channels. */
  #greeting = false;
  #doubting = false;
  #stopped = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #beating;
  /** @type {ReturnType<typeof setTimeout> | null} */
  #noting = null;
  #stop = new AbortController();

  /** @param {FeedOptions} options @param {FeedListener} told */
  constructor(options, told) {
    this.#options = options;
    this.#told = told;
    this.position = options.position;
    this.#channels = new Set(options.channels);
  }

  start() {
    const { shared } = this.#options;
    if (typeof addEventListener === 'function') {
      addEventListener('pagehide', () => this.#note(), { signal: this.#stop.signal });
    }
    if (!shared || !hasLocks() || typeof BroadcastChannel !== 'function' || typeof addEventListener !== 'function') {
      this.#lead();
      return;
    }
    this.#tabs = new Tabs(`${shared}:stream`, {
      lead: () => this.#lead(),
      follow: () => this.#unlead(),
      heard: (message) => this.#hear(message),
      risen: () => this.#greet(),
    });
    this.#tabs.start();
    this.#greet();
  }

  /** Asks whoever leads how far he is. */
  #greet() {
    this.#greeting = true;
    this.#tabs?.post({ kind: 'hello', channels: this.#options.channels });
  }

  stop() {
    this.#note();
    this.#stopped = true;
    this.#stop.abort();
    this.#unlead();
    this.#tabs?.stop();
  }

  #lead() {
    // Whoever follows says which channels he listens to; whoever is gone does not.
    this.#refused.clear();
    this.#connect();
  }

  #connect() {
    if (this.#stopped) return;
    this.#channels = new Set(this.#options.channels);
    const { credentials, transport } = this.#options;
    const options = { credentials, transport, position: this.position, channels: [...this.#channels] };
    this.#connection = new Connection(options, {
      passed: (from, to, event) => {
        this.#take(from, to, event);
        this.#tabs?.post({ kind: 'passed', from, to, event, channels: [...this.#channels] });
      },
      passing: (event) => {
        this.#told.event(event);
        this.#tabs?.post({ kind: 'passing', event });
      },
      reset: (reset) => {
        this.#reset(reset);
        this.#tabs?.post({ kind: 'reset', reset });
      },
      state: (state) => {
        if (state.name === 'refused') {
          this.#yield(state);
          return;
        }
        this.#become(state);
        this.#beat();
      },
      over: (reason) => this.#told.over(reason),
    });
    this.#connection.start();
    this.#tabs?.post({ kind: 'lead' });
    if (this.#tabs) this.#beating = setInterval(() => this.#beat(), LEADING);
  }

  /** The server refuses what is listened to: other tabs' channels are left out, and a tab whose own it is leaves the others alone. @param {State} state */
  #yield(state) {
    const others = [...this.#channels].filter((channel) => !this.#options.channels.includes(channel));
    this.#unlead();
    if (others.length) {
      for (const channel of others) this.#refused.add(channel);
      this.#connect();
      this.#tabs?.post({ kind: 'doubt', channels: others });
      return;
    }
    this.#become(state);
    this.#tabs?.stop();
  }

  #unlead() {
    clearInterval(this.#beating);
    this.#connection?.stop();
    this.#connection = null;
  }

  #beat() {
    const state = { ...this.#state, error: null };
    const { position = null } = this.#connection ?? {};
    if (this.#connection) this.#tabs?.post({ kind: 'beat', position, state });
  }

  /** What another tab says. @param {any} message */
  #hear(message) {
    switch (message.kind) {
      case 'hello': {
        if (!this.#connection) return;
        // Who follows one that was refused reads by himself what happens there.
        const more = message.channels.filter((/** @type {string} */ channel) => !this.#channels.has(channel) && !this.#refused.has(channel));
        for (const channel of more) this.#channels.add(channel);
        if (more.length) this.#connection.follow([...this.#channels]);
        else this.#connection.look();
        this.#beat();
        return;
      }
      case 'lead':
        this.#greet();
        return;
      case 'doubt':
        // One of them may be this one's.
        this.#doubting ||= this.#options.channels.some((channel) => message.channels.includes(channel));
        void this.#catchUp();
        return;
    }
    // Who has a connection of his own does not listen to another's, which is about to end.
    if (this.#connection) return;
    switch (message.kind) {
      case 'passed':
        // Somebody who does not listen to all of this one's channels yet may have passed over events in them.
        if (this.#isHeardBy(message.channels)) this.#take(message.from, message.to, message.event);
        else this.#aim(message.from, message.to);
        return;
      case 'passing':
        this.#told.event(message.event);
        return;
      case 'reset':
        this.#reset(message.reset);
        return;
      case 'beat':
        if (message.position !== null) this.#compare(message.position);
        this.#become(message.state);
        return;
    }
  }

  /** @param {string[]} channels */
  #isHeardBy(channels) {
    return this.#options.channels.every((channel) => channels.includes(channel));
  }

  /** Where the leader is. @param {number} position */
  #compare(position) {
    const own = (this.position ??= position);
    if (position > own) this.#aim(own, position);
    else if (position < own && this.#greeting) {
      // Either the leader lags, or the line is another now, and shorter: the server knows.
      this.#doubting = true;
    }
    this.#greeting = false;
    if (this.#doubting) void this.#catchUp();
  }

  /** Reads as far as this by oneself. @param {number} from @param {number} to */
  #aim(from, to) {
    this.position ??= from;
    this.#goal = Math.max(this.#goal, to);
    void this.#catchUp();
  }

  /** Goes along the line from one place to another. @param {number} from @param {number} to @param {Event | null} event */
  #take(from, to, event) {
    if (from > (this.position ??= from)) this.#aim(from, to);
    else this.#pass(to, event);
  }

  /** @param {number} to @param {Event | null} event */
  #pass(to, event) {
    if (this.#stopped) return;
    const before = this.position ?? 0;
    if (event?.seq !== undefined && event.seq > before) {
      // First, so that a listener that asks for the position gets the event's.
      this.position = event.seq;
      this.#told.event(event);
      // By that listener, perhaps, who does not want the rest.
      if (this.#stopped) return;
    }
    this.position = Math.max(this.position ?? 0, to);
    if (this.position !== before) this.#noting ??= setTimeout(() => this.#note(), 1_000);
  }

  #note() {
    if (this.#noting !== null) clearTimeout(this.#noting);
    this.#noting = null;
    if (this.position !== null && !this.#stopped) this.#told.moved(this.position);
  }

  /** Reads what this tab was not told of. */
  async #catchUp() {
    if (this.#catching) return;
    this.#catching = true;
    let pause = PAUSE.first;
    const rest = async () => {
      await new Promise((resolve) => setTimeout(resolve, spread(pause)));
      pause = longer(pause);
    };
    while (!this.#stopped && this.position !== null && (this.#doubting || this.position < this.#goal)) {
      const before = this.position;
      const resets = this.#resets;
      try {
        const query = { after: this.position, limit: 1000, channel: this.#options.channels };
        const { events, next } = await this.#options.credentials.call('GET', 'events', { query });
        if (this.#stopped) break;
        // It is about another line.
        if (resets !== this.#resets) continue;
        this.#doubting = false;
        if (events[0]?.type === 'reset') {
          this.#reset(events[0]);
          continue;
        }
        for (const event of events) if (event.seq !== undefined) this.#pass(event.seq, event);
        this.#pass(next, null);
        if (this.position > before) pause = PAUSE.first;
        // Another node of the server, which is not so far yet.
        else if (this.position < this.#goal) await rest();
      } catch (error) {
        if (this.#stopped) break;
        if (error instanceof GoldcrestError && isFinal(error)) {
          this.#unlead();
          this.#tabs?.stop();
          this.#become({ name: 'refused', transport: this.#state.transport, retryAt: null, error });
          break;
        }
        await rest();
      }
    }
    this.#catching = false;
  }

  /** @param {{ reason: string, position: number }} reset */
  #reset({ reason, position }) {
    this.#resets += 1;
    this.position = position;
    this.#goal = position;
    this.#note();
    this.#told.reset({ reason, position });
  }

  /** @param {State} state */
  #become(state) {
    const { name, transport, retryAt } = this.#state;
    const same = name === state.name && transport === state.transport && retryAt === state.retryAt;
    this.#state = state;
    if (!same && !this.#stopped) this.#told.state(state);
  }
}

/**
 * Which of several tabs has the connection. It holds a lock; when it closes, the next in the queue gets that. A browser may
 * put a tab to sleep that holds it: one that says nothing for long is relieved of it.
 */
class Tabs {
  #name;
  #told;
  #channel;
  /** @type {(() => void) | null} */
  #resign = null;
  /** @type {AbortController | null} */
  #queueing = null;
  #heardAt = Date.now();
  #asleep = false;
  #stopped = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #watch;
  #stop = new AbortController();

  /** @param {string} name @param {{ lead(): void, follow(): void, heard(message: any): void, risen(): void }} told */
  constructor(name, told) {
    this.#name = name;
    this.#told = told;
    this.#channel = new BroadcastChannel(name);
  }

  start() {
    this.#channel.onmessage = ({ data }) => {
      this.#heardAt = Date.now();
      this.#told.heard(data);
    };
    const { signal } = this.#stop;
    for (const end of ['pagehide', 'freeze']) addEventListener(end, () => this.#sleep(), { signal });
    for (const begin of ['pageshow', 'resume', 'visibilitychange', 'focus']) {
      addEventListener(begin, () => this.#rise(), { signal });
    }
    if (typeof document === 'object') {
      document.addEventListener('freeze', () => this.#sleep(), { signal });
      document.addEventListener('resume', () => this.#rise(), { signal });
      document.addEventListener('visibilitychange', () => this.#rise(), { signal });
    }
    let ticked = Date.now();
    this.#watch = setInterval(() => {
      const now = Date.now();
      // Who slept himself has heard nothing for that reason.
      if (now - ticked > 20_000 + 60_000 * Number(globalThis.document?.hidden)) this.#heardAt = now;
      ticked = now;
      if (!this.#resign && !this.#asleep && now - this.#heardAt > ASLEEP) {
        this.#heardAt = now + Math.random() * 5_000;
        void this.#campaign(true);
      }
    }, 5_000);
    void this.#campaign(false);
  }

  stop() {
    this.#stopped = true;
    this.#stop.abort();
    clearInterval(this.#watch);
    this.#queueing?.abort();
    this.#resign?.();
    this.#channel.close();
  }

  /** @param {unknown} message */
  post(message) {
    if (!this.#stopped) this.#channel.postMessage(message);
  }

  /** Lets another lead while this page is hidden away, when nothing runs in it. */
  #sleep() {
    this.#asleep = true;
    this.#queueing?.abort();
    if (!this.#resign) return;
    this.#resign();
    this.#resign = null;
    // At once: what comes after the lock is given back comes when this page runs again.
    this.#told.follow();
  }

  #rise() {
    if (!this.#asleep || this.#stopped || globalThis.document?.visibilityState === 'hidden') return;
    this.#asleep = false;
    this.#heardAt = Date.now();
    void this.#campaign(false);
    this.#told.risen();
  }

  /** Waits for the lock, leads as long as it is held, and waits again. @param {boolean} steal */
  async #campaign(steal) {
    this.#queueing?.abort();
    const queueing = new AbortController();
    this.#queueing = queueing;
    while (!this.#stopped && !this.#asleep && this.#queueing === queueing) {
      const options = steal ? { steal } : { signal: queueing.signal };
      steal = false;
      /** @type {(() => void) | null} */
      let resign = null;
      try {
        await navigator.locks.request(this.#name, options, () => {
          if (this.#stopped || this.#asleep || this.#queueing !== queueing) return undefined;
          return new Promise((resolve) => {
            this.#resign = resign = () => resolve(undefined);
            this.#told.lead();
          });
        });
      } catch (error) {
        // It was stolen, because this page seemed to be asleep, or is not wanted any more.
        if (/** @type {Error} */ (error).name !== 'AbortError') {
          // Where there are no locks to be had, each has a connection of its own.
          this.#resign = () => this.#told.follow();
          this.#told.lead();
          return;
        }
      }
      if (resign && this.#resign === resign) {
        this.#resign = null;
        this.#heardAt = Date.now();
        this.#told.follow();
      }
    }
  }
}

/**
 * @typedef {object} ConnectionListener
 * @property {(from: number, to: number, event: Event | null) => void} passed the stream has gone from one place to another
 * @property {(event: Event) => void} passing something was heard that has no place
 * @property {(reset: { reason: string, position: number }) => void} reset
 * @property {(state: State) => void} state
 * @property {(reason: string) => void} over
 */

/** @typedef {{ credentials: Credentials, position: number | null, channels: string[], signal: AbortSignal, alive: () => void, frame: (frame: any) => void, tell: (send: (operation: object) => void) => void }} Pipe */

/**
 * How an attempt to listen ended: the pause before the next, which is `fixed` if the server asked for it; `elsewhere` says that
 * another transport is wanted, `doubtful` that it may be.
 *
 * @typedef {{ pause: number | null, fixed?: boolean, elsewhere?: boolean, doubtful?: boolean, over?: string, refused?: GoldcrestError, error?: GoldcrestError }} End
 */

/** A connection to the server that is kept up: opened again when it breaks, over another transport if one does not work. */
class Connection {
  #credentials;
  #told;
  /** @type {number | null} */
  position;
  #channels;
  /** @type {Transport[]} */
  #transports;
  #which = 0;
  /** Attempts in a row that brought nothing over this transport, and the transports in a row that brought nothing. */
  #attempts = 0;
  #tried = 0;
  #pause = PAUSE.first;
  #stopped = false;
  /** @type {AbortController | null} */
  #current = null;
  #rest = new Rest();
  #heardAt = 0;
  #isOpen = false;
  #renewed = false;
  #stop = new AbortController();

  /** @param {{ credentials: Credentials, transport: 'auto' | Transport, position: number | null, channels: string[] }} options @param {ConnectionListener} told */
  constructor({ credentials, transport, position, channels }, told) {
    this.#credentials = credentials;
    this.#told = told;
    this.position = position;
    this.#channels = channels;
    const socket = typeof WebSocket === 'function';
    this.#transports = transport === 'auto' ? TRANSPORTS.filter((one) => one !== 'websocket' || socket) : [transport];
    // Over HTTP/1.1 a browser opens six connections to a server at a time, and sockets beside them: where each tab needs its
    // own, six others would leave none.
    if (transport === 'auto' && socket && globalThis.document && !hasLocks()) this.#transports = ['websocket', 'sse', 'poll'];
  }

  start() {
    if (typeof addEventListener === 'function') {
      const { signal } = this.#stop;
      addEventListener('online', () => this.look({ anew: true }), { signal });
      // What is open may seem to live on for long.
      addEventListener('offline', () => this.#current?.abort(), { signal });
      for (const name of ['pageshow', 'focus']) addEventListener(name, () => this.look(), { signal });
      globalThis.document?.addEventListener('visibilitychange', () => this.look(), { signal });
      globalThis.document?.addEventListener('resume', () => this.look(), { signal });
    }
    void this.#run();
  }

  stop() {
    this.#stopped = true;
    this.#stop.abort();
    this.#current?.abort();
    this.#rest.end();
  }

  /** Follows these channels from here on. @param {string[]} channels */
  follow(channels) {
    this.#channels = channels;
    this.#current?.abort();
    this.#rest.hurry();
  }

  /** The page is looked at again, or the network is back: a connection that may be dead is not waited for. @param {{ anew?: boolean }} [how] */
  look({ anew = false } = {}) {
    // It may be another network, in which another transport is the best.
    if (anew) this.#which = this.#attempts = this.#tried = 0;
    this.#rest.hurry();
    if (this.#isOpen && (anew || Date.now() - this.#heardAt > SILENCE / 2)) this.#current?.abort();
  }

  get #transport() {
    return this.#transports[this.#which] ?? 'sse';
  }

  /** @param {State['name']} name @param {Partial<State>} [more] */
  #say(name, more = {}) {
    if (!this.#stopped) this.#told.state({ name, transport: this.#transport, retryAt: null, error: null, ...more });
  }

  async #run() {
    while (!this.#stopped) {
      if (globalThis.navigator?.onLine === false) {
        this.#say('offline');
        // A server on this machine is there all the same.
        await this.#rest.take(PAUSE.watched);
        if (this.#stopped) return;
      }
      this.#say('connecting');
      const end = await this.#listen();
      if (this.#stopped) return;
      if (end.over) {
        this.#told.over(end.over);
        return;
      }
      if (end.refused) {
        this.#say('refused', { error: end.refused });
        return;
      }
      let { pause } = end;
      if (end.elsewhere || (end.doubtful && (await this.#isBlocked()))) pause = this.#change();
      if (this.#stopped) return;
      if (pause === 0) continue;
      if (pause === null) {
        pause = spread(this.#pause);
        this.#pause = longer(this.#pause);
      }
      this.#say('waiting', { retryAt: Date.now() + pause, error: end.error ?? null });
      await this.#rest.take(pause, end);
    }
  }

  /** Takes the next transport. @returns {number | null} the pause before: one, once all of them were tried in vain */
  #change() {
    this.#attempts = 0;
    this.#tried += 1;
    this.#which = (this.#which + 1) % this.#transports.length;
    return this.#tried < this.#transports.length ? 0 : null;
  }

  /** Whether the server is there, and this transport does not come through; once may be chance, when it comes back just then. */
  async #isBlocked() {
    this.#attempts += 1;
    return this.#attempts > 1 && this.#transports.length > 1 && (await this.#answers());
  }

  /**
   * One attempt. A `pause` of null is the usual one, longer after each failure.
   *
   * @returns {Promise<End>}
   */
  async #listen() {
    const current = new AbortController();
    this.#current = current;
    this.#isOpen = false;
    this.#heardAt = Date.now();
    /** @type {End | null} */
    let verdict = null;
    let beats = 0;
    /** @type {((operation: object) => void) | null} */
    let tell = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let extending;
    let opened = false;
    let used = this.#credentials.bearer;
    const extend = (/** @type {typeof tell} */ through) => this.#extend(used, through, conclude).then(() => (used = this.#credentials.bearer));
    const conclude = (/** @type {End} */ said) => {
      verdict ??= said;
      current.abort();
    };
    const watch = setInterval(() => {
      const silent = Date.now() - this.#heardAt;
      // What begins and then says nothing is held back on its way, or gone; what does not begin is held back.
      if (!this.#isOpen && silent > BEGINNING) conclude({ pause: 0, elsewhere: true });
      else if (this.#isOpen && silent > SILENCE) conclude({ pause: 0, elsewhere: beats === 0 });
    }, 1_000);
    /** @type {Pipe} */
    const pipe = {
      credentials: this.#credentials,
      position: this.position,
      channels: this.#channels,
      signal: current.signal,
      alive: () => {
        this.#heardAt = Date.now();
      },
      tell: (send) => {
        tell = send;
      },
      frame: (frame) => {
        if (current.signal.aborted) return;
        this.#heardAt = Date.now();
        switch (frame.type) {
          case 'ready':
            opened = this.#isOpen = true;
            this.#renewed = false;
            this.#attempts = this.#tried = 0;
            this.#pause = PAUSE.first;
            this.#move(frame.position, null);
            this.#say('live');
            return;
          case 'heartbeat':
            beats += 1;
            this.#move(frame.position, null);
            return;
          case 'reset':
            this.position = frame.position;
            this.#told.reset({ reason: frame.reason, position: frame.position });
            return;
          case 'expiring':
            // A token may last no longer than this notice: then it comes at once again.
            extending = setTimeout(() => void extend(tell), Math.max(1, frame.in) * 500);
            return;
          case 'expired':
            if (frame.reason === 'session_ended') conclude({ pause: null, over: 'session_ended' });
            else void extend(null);
            return;
          case 'bye':
            conclude({ pause: frame.retry ?? null, fixed: frame.retry !== undefined });
            return;
          case 'reply':
            if (!frame.ok && frame.ref === 'auth') void extend(null);
            return;
        }
        if (frame.seq === undefined) this.#told.passing(frame);
        else this.#move(frame.seq, frame);
      },
    };
    try {
      await pipes[this.#transport](pipe);
      return verdict ?? { pause: null, doubtful: !opened };
    } catch (error) {
      if (verdict) return verdict;
      // Aborted without a verdict: it is to begin anew at once.
      if (current.signal.aborted) return { pause: 0 };
      return await this.#explain(error);
    } finally {
      clearInterval(watch);
      clearTimeout(extending);
      this.#isOpen = false;
    }
  }

  /** @param {number} to @param {Event | null} event */
  #move(to, event) {
    const from = this.position ?? (event ? to - 1 : to);
    if (event && to <= from && this.position !== null) return;
    this.position = Math.max(from, to);
    this.#told.passed(from, this.position, event);
  }

  /** Shows fresh credentials: on the socket if one can, otherwise on a new connection. @param {string | null} used @param {((operation: object) => void) | null} tell @param {(said: { pause: number | null, over?: string }) => void} conclude */
  async #extend(used, tell, conclude) {
    try {
      if (this.#credentials.bearer === used) await this.#credentials.renew();
      if (tell && this.#credentials.bearer) tell({ op: 'auth', ref: 'auth', token: this.#credentials.bearer });
      else conclude({ pause: 0 });
    } catch (error) {
      const over = error instanceof GoldcrestError && error.unauthorized;
      conclude(over ? { pause: null, over: 'session_ended' } : { pause: null });
    }
  }

  /** @param {unknown} error @returns {Promise<End>} */
  async #explain(error) {
    const refusal = error instanceof GoldcrestError ? error : unreachable(String(error));
    if (refusal.unauthorized) {
      // Fresh ones that are refused as well are of no use.
      if (this.#renewed) return { pause: null, over: 'session_ended' };
      this.#renewed = true;
      try {
        return (await this.#credentials.renew()) ? { pause: 0 } : { pause: null, over: 'session_ended' };
      } catch (failed) {
        const over = failed instanceof GoldcrestError && failed.unauthorized;
        return over ? { pause: null, over: 'session_ended' } : { pause: null, error: refusal };
      }
    }
    if (isFinal(refusal)) return { pause: null, refused: refusal };
    if (refusal.retryAfter !== null) return { pause: refusal.retryAfter * 1000, fixed: true, error: refusal };
    return { pause: null, doubtful: true, error: refusal };
  }

  async #answers() {
    try {
      return (await fetch(this.#credentials.url('/healthz'), { cache: 'no-store', credentials: 'omit', signal: AbortSignal.timeout(BEGINNING) })).ok;
    } catch {
      return false;
    }
  }
}

/** How to listen. Each ends when the stream does, and fails if there is none. @type {Record<Transport, (pipe: Pipe) => Promise<void>>} */
const pipes = {
  /** `fetch` rather than `EventSource`: it sends headers, sees why it is refused, and does not give up for good. */
  async sse({ credentials, position, channels, signal, alive, frame }) {
    const url = credentials.url('/stream');
    if (position !== null) url.searchParams.set('after', String(position));
    for (const channel of channels) url.searchParams.append('channel', channel);
    const answer = await credentials.fetch(url, { signal, headers: { Accept: 'text/event-stream' } });
    if (!answer.body) throw unreachable('This program reads no streams.');
    const lines = new Lines();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    try {
      /** @type {{ id?: string, data?: string }} */
      let event = {};
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        alive();
        for (const line of lines.of(value)) {
          if (line === '') {
            if (event.data !== undefined) frame(JSON.parse(event.data));
            else if (event.id !== undefined) frame({ type: 'heartbeat', position: Number(event.id) });
            event = {};
            continue;
          }
          const colon = line.indexOf(':');
          const name = colon < 0 ? line : line.slice(0, colon);
          const text = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
          if (name === 'id') event.id = text;
          else if (name === 'data') event.data = event.data === undefined ? text : `${event.data}\n${text}`;
        }
      }
    } finally {
      void reader.cancel().catch(() => {});
    }
  },

  async websocket({ credentials, position, channels, signal, alive, frame, tell }) {
    credentials.check();
    const url = credentials.url('/ws');
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    if (position !== null) url.searchParams.set('after', String(position));
    for (const channel of channels) url.searchParams.append('channel', channel);
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url, ['goldcrest.v1']);
      const say = (/** @type {object} */ operation) => socket.send(JSON.stringify(operation));
      let opened = false;
      const end = () => socket.close();
      signal.addEventListener('abort', end, { once: true });
      socket.onopen = () => {
        opened = true;
        alive();
        tell(say);
        const token = credentials.bearer;
        // A cookie is shown by the browser itself.
        if (token) say({ op: 'auth', ref: 'auth', token, ...(position !== null && { after: position }) });
      };
      socket.onmessage = ({ data }) => frame(JSON.parse(data));
      socket.onclose = ({ code, reason }) => {
        signal.removeEventListener('abort', end);
        if (signal.aborted) reject(signal.reason);
        else if (code === 4401 && reason !== 'auth_timeout') {
          reject(new GoldcrestError({ status: 401, code: reason || 'unauthorized', detail: 'Log in again.', field: null }));
        } else if (opened) resolve();
        else reject(unreachable('The server cannot be reached over a WebSocket.'));
      };
    });
  },

  async poll({ credentials, position, channels, signal, frame }) {
    let after = position;
    for (let wait = 0; ; wait = 25) {
      const query = { after, limit: 1000, wait, channel: channels };
      const { events, next } = await credentials.call('GET', 'events', { query, signal });
      if (wait === 0) frame({ type: 'ready', position: after ?? next });
      for (const event of events) frame(event);
      frame({ type: 'heartbeat', position: next });
      after = next;
    }
  },
};

/** Lines out of pieces of text, whichever way they end. */
class Lines {
  #rest = '';

  /** @param {string} piece */
  *of(piece) {
    const lines = (this.#rest + piece).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    yield* lines;
  }
}
