// @ts-check
/** Tells of new messages outside of the page: in the window's title, on the app's sign, and by notifications where those are wanted. */

import { badges, notifies } from './choices.js';
import { model } from './model.js';
import { client, me } from './session.js';
import { few } from './words.js';
import { go } from './router.js';

/** The most of a text that a notification shows. */
const SHOWN = 200;
/** What was said longer ago is no news to whoever was away, in milliseconds. */
const NEWS = 60_000;
/** A tab holds this lock, with others, while it can be seen. */
const SEEN = 'goldcrest:seen';

let title = '';

/** What the window is called, without the count of what is unread. @param {string} [wanted] */
export function retitle(wanted = title) {
  title = wanted;
  const unread = client.user && badges() ? model.unread().all : 0;
  document.title = `${unread ? `(${few(unread)}) ` : ''}${title ? `${title} · ` : ''}Goldcrest`;
  const sign = /** @type {any} */ (navigator);
  if (unread) void sign.setAppBadge?.(unread).catch(() => {});
  else void sign.clearAppBadge?.().catch(() => {});
}

/** @param {import('../goldcrest.js').Message} message @param {string} from */
function tellOf({ id, conversation_id, text }, from) {
  let notification;
  try {
    // All tabs say so under one tag, and the browser shows it once.
    notification = new Notification(from, { body: text.slice(0, SHOWN), tag: `message-${id}`, icon: '/icon-192.png' });
  } catch {
    // Some phones let no page do this by itself.
    return;
  }
  notification.onclick = () => {
    window.focus();
    go(`/conversations/${conversation_id}`);
    notification.close();
  };
}

/** While this tab can be seen, the others need not tell of what it shows. */
function holdWhileSeen() {
  /** @type {((none: null) => void) | null} */
  let release = null;
  const look = () => {
    if (document.hidden) {
      release?.(null);
      release = null;
    } else if (!release) {
      // One for each request: it may be hidden again before the lock is had.
      const over = new Promise((resolve) => (release = resolve));
      void navigator.locks?.request(SEEN, { mode: 'shared' }, () => over);
    }
  };
  look();
  document.addEventListener('visibilitychange', look);
}

/** Whether a tab of this browser can be seen. */
async function isSeen() {
  if (!document.hidden) return true;
  const { held = [] } = (await navigator.locks?.query()) ?? {};
  return held.some(({ name }) => name === SEEN);
}

/** How much later than the server's it is by this clock, in milliseconds. */
let ahead = 0;

/** Compares the clocks. Events do not tell: those that come after a sleep are old. */
async function compare() {
  try {
    const { headers } = await client.fetch('GET', 'me');
    ahead = Date.now() - Date.parse(headers.get('Date') ?? '') || 0;
  } catch {
    // Most clocks are right.
  }
}

export function announce() {
  holdWhileSeen();
  client.on('login', () => void compare());
  model.on('conversations', () => retitle());
  client.on('logout', () => retitle());
  client.on('message.created', async ({ data, at }) => {
    const own = me();
    if (!own || data.author?.id === own.id || !notifies() || Date.now() - Date.parse(at) - ahead > NEWS || (await isSeen())) return;
    const conversation = model.conversation(data.conversation_id);
    // Channels are noisy: there only one's own name is worth an interruption.
    const named = data.mentions.some((/** @type {{ id: number }} */ { id }) => id === own.id);
    if (conversation?.kind === 'channel' && !named) return;
    const where = conversation && conversation.kind !== 'direct' ? ` · ${model.title(conversation)}` : '';
    tellOf(data, `${data.author?.username ?? 'Goldcrest'}${where}`);
  });
}
