// @ts-check
/** A window of the messages of a list, loaded both ways as far as somebody looks, and kept up by events. */

import { model } from './model.js';
import { client } from './session.js';

/** @typedef {import('../goldcrest.js').Message & { snippet?: { text: string, hit: boolean }[] }} Message */
/** @typedef {import('../goldcrest.js').Event} Event */

/** So many messages are fetched at a time. */
const PART = 60;
/** So many are kept; what is further away is fetched again when somebody goes back there. */
const KEPT = 6_000;

/** What is left of a message. @param {Message} message @param {string} deleted_at */
export const emptied = (message, deleted_at) => ({ ...message, text: '', mentions: [], deleted_at, snippet: undefined });

/**
 * @typedef {object} Wanted
 * @property {string} path which list, below `/api/v1`
 * @property {Record<string, unknown>} [query]
 * @property {(message: Message) => boolean} accepts whether a message that is new belongs to it
 * @property {() => void} changed called when there is something else to show
 */

/** Messages by number, rising, without gaps between the first and the last that were loaded. */
export class History {
  /** @type {Message[]} */
  messages = [];
  /** Whether there is nothing older, and nothing newer. */
  begun = false;
  ended = false;
  #wanted;
  /** Where on the line of events each message stands: what happened before is in it already. @type {Map<number, number>} */
  #at = new Map();
  /** The head at which the end was reached. */
  #head = 0;
  #turn = 0;
  /** @type {Promise<void> | null} */
  #loading = null;
  #close;

  /** @param {Wanted} wanted */
  constructor(wanted) {
    this.#wanted = wanted;
    this.#close = model.on('messages', (event) => this.#hear(event));
  }

  close() {
    this.#turn += 1;
    this.#close();
  }

  /** Where on the line of events the newest part was read. */
  get head() {
    return this.#head;
  }

  /** @param {number} id */
  find(id) {
    const at = this.#place(id);
    const found = this.messages[at];
    return found?.id === id ? found : null;
  }

  /** Begins with the newest ones. */
  async toEnd() {
    const mine = (this.#turn += 1);
    // Lists that begin with the oldest are asked for what is before the end, too.
    const page = await this.#fetch({ before: Number.MAX_SAFE_INTEGER, limit: PART });
    if (mine !== this.#turn) return;
    this.#begin(page.items.reverse(), page.head);
    this.begun = page.next === null;
    this.ended = true;
    this.#head = page.head;
    this.#catchUp(page.head);
    this.#wanted.changed();
  }

  /** Begins with those around a message. @param {number} id */
  async toMessage(id) {
    const mine = (this.#turn += 1);
    const [older, newer] = await Promise.all([
      this.#fetch({ before: id + 1, limit: PART }),
      this.#fetch({ after: id, limit: PART }),
    ]);
    if (mine !== this.#turn) return;
    this.#begin([...older.items.reverse(), ...newer.items], Math.min(older.head, newer.head));
    this.begun = older.next === null;
    this.ended = newer.next === null;
    this.#head = newer.head;
    this.#catchUp(Math.min(older.head, newer.head));
    this.#wanted.changed();
  }

  /** Loads older ones. */
  older() {
    return this.#load(async (mine) => {
      const first = this.messages[0];
      if (this.begun || !first) return;
      const page = await this.#fetch({ before: first.id, limit: PART });
      if (mine !== this.#turn) return;
      this.messages = [...this.#note(page.items.reverse(), page.head), ...this.messages];
      this.begun = page.next === null;
      if (this.messages.length > KEPT) {
        this.messages = this.messages.slice(0, KEPT);
        this.ended = false;
      }
      this.#catchUp(page.head);
    });
  }

  /** Loads newer ones. */
  newer() {
    return this.#load(async (mine) => {
      const last = this.messages.at(-1);
      if (this.ended || !last) return;
      const page = await this.#fetch({ after: last.id, limit: PART });
      if (mine !== this.#turn) return;
      this.messages = [...this.messages, ...this.#note(page.items, page.head)];
      this.ended = page.next === null;
      this.#head = page.head;
      if (this.messages.length > KEPT) {
        this.messages = this.messages.slice(-KEPT);
        this.begun = false;
      }
      this.#catchUp(page.head);
    });
  }

  /** Takes in what was just sent, before its event comes. @param {Message} message */
  add(message) {
    if (this.ended && !this.find(message.id) && message.id > (this.messages.at(-1)?.id ?? 0)) {
      this.messages = [...this.messages, message];
      this.#at.set(message.id, 0);
      this.#wanted.changed();
    }
  }

  /** @param {Message} message */
  replace(message) {
    const at = this.#place(message.id);
    const known = this.messages[at];
    if (known?.id !== message.id) return;
    this.messages = this.messages.with(at, { ...known, ...message });
    this.#wanted.changed();
  }

  /** @param {(mine: number) => Promise<void>} load */
  #load(load) {
    const mine = this.#turn;
    this.#loading ??= load(mine).finally(() => {
      this.#loading = null;
      if (mine === this.#turn) this.#wanted.changed();
    });
    return this.#loading;
  }

  /** @param {Record<string, unknown>} part @returns {Promise<{ items: Message[], next: number | string | null, head: number }>} */
  #fetch(part) {
    return client.request('GET', this.#wanted.path, { query: { ...this.#wanted.query, ...part } });
  }

  /** @param {Message[]} messages @param {number} head */
  #begin(messages, head) {
    this.#at.clear();
    this.messages = this.#note(messages, head);
  }

  /** @param {Message[]} messages @param {number} head */
  #note(messages, head) {
    for (const { id } of messages) this.#at.set(id, head);
    return messages;
  }

  /** What came while a part was fetched. @param {number} head */
  #catchUp(head) {
    for (const event of model.since(head)) this.#apply(event);
  }

  /** The index of a message, or where it would stand. @param {number} id */
  #place(id) {
    let from = 0;
    let to = this.messages.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (/** @type {Message} */ (this.messages[middle]).id < id) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** @param {Event} event */
  #hear(event) {
    if (event.type === 'reset') {
      void this.#anew();
      return;
    }
    if (this.#apply(event)) this.#wanted.changed();
  }

  /** Events are missing: what is shown is read again. */
  async #anew() {
    const middle = this.messages[this.messages.length >> 1];
    try {
      if (this.ended || !middle) await this.toEnd();
      else await this.toMessage(middle.id);
    } catch {
      // The next reset, or the next look, brings it.
    }
  }

  /** @param {Event} event @returns {boolean} whether something is other than before */
  #apply({ type, data, at: moment, seq = 0, conversation_id }) {
    if (type === 'messages.expired') {
      const gone = (/** @type {Message} */ one) => one.id <= data.up_to && one.conversation_id === conversation_id;
      if (!this.messages.some(gone)) return false;
      // A root stays, without its text, as long as a reply does.
      const answered = new Set(this.messages.flatMap((one) => (one.thread_id === null || gone(one) ? [] : [one.thread_id])));
      this.messages = this.messages.flatMap((one) => (!gone(one) ? [one] : answered.has(one.id) ? [emptied(one, moment)] : []));
      return true;
    }
    const at = this.#place(data.id);
    const known = this.messages[at]?.id === data.id ? /** @type {Message} */ (this.messages[at]) : null;
    if (type === 'message.created') {
      const replied = this.#replied(data, seq);
      if (known) {
        // It was taken in when it was sent; this is its place on the line.
        if ((this.#at.get(data.id) ?? 0) < seq) this.#at.set(data.id, seq);
        return replied;
      }
      const beyond = at === this.messages.length ? !this.ended || seq <= this.#head : at === 0 && !this.begun;
      if (beyond || !this.#wanted.accepts(data)) return replied;
      this.messages = [...this.messages.slice(0, at), data, ...this.messages.slice(at)];
      this.#at.set(data.id, seq);
      return true;
    }
    if (!known || seq <= (this.#at.get(data.id) ?? 0)) return false;
    this.#at.set(data.id, seq);
    if (type === 'message.updated') this.messages = this.messages.with(at, { ...known, ...data, snippet: undefined });
    else if (type === 'message.deleted') this.messages = this.messages.with(at, emptied(known, data.deleted_at));
    else if (type === 'message.hidden') this.messages = this.messages.filter(({ id }) => id !== data.id);
    else return false;
    return true;
  }

  /** Counts a reply at its root, if that is here. @param {Message} reply @param {number} seq */
  #replied(reply, seq) {
    if (!reply.thread_id) return false;
    const at = this.#place(reply.thread_id);
    const root = this.messages[at];
    if (root?.id !== reply.thread_id || seq <= (this.#at.get(root.id) ?? 0)) return false;
    this.#at.set(root.id, seq);
    this.messages = this.messages.with(at, { ...root, reply_count: (root.reply_count ?? 0) + 1 });
    return true;
  }
}
