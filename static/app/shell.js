// @ts-check
/** What stands around every page: where one can go, how the connection is, and who is logged in. */

import { GoldcrestError } from '../goldcrest.js';
import { explain, is } from './explain.js';
import { fill, focusHeading, h } from './dom.js';
import { model } from './model.js';
import { retitle } from './notify.js';
import { isReturning, open as openAnew } from './router.js';
import { client, me, onceBack } from './session.js';
import { few, number, userPath } from './words.js';
import { avatar } from './parts/avatar.js';
import { conversationList } from './parts/conversation-list.js';
import { empty } from './parts/empty.js';
import { bird, icon } from './parts/icons.js';
import { menu } from './parts/menu.js';
import { attempt } from './parts/toast.js';

export { retitle } from './notify.js';

/** A gap that is over sooner is nobody's business. */
const GAP = 4_000;

/** @typedef {import('./router.js').Page} Page */
/** @typedef {import('./router.js').Place} Place */

const root = /** @type {HTMLElement} */ (document.getElementById('app'));

/**
 * Where one can go. `count` is what waits there.
 *
 * @type {{ path: string, label: string, sign: string, count?: () => number, tab?: string }[]}
 */
const PLACES = [
  { path: '/', label: 'All messages', sign: 'all', tab: 'All' },
  { path: '/threads', label: 'Threads', sign: 'threads' },
  { path: '/mentions', label: 'Mentions', sign: 'mentions', count: () => model.unread().mentions, tab: 'Mentions' },
  { path: '/channels', label: 'Channels', sign: 'channels' },
  { path: '/contacts', label: 'Contacts', sign: 'contacts', count: () => model.pendingContacts(), tab: 'Contacts' },
];
/** On a phone, the list of conversations is a page of its own. */
export const CHATS = { path: '/conversations', label: 'Conversations', sign: 'chats', count: () => model.unread().all, tab: 'Chats' };

const YOU = { path: '/settings', label: 'Settings', sign: 'settings', tab: 'You' };

/** @typedef {{ node: HTMLElement, main: HTMLElement, side: HTMLElement, details: HTMLElement, line: HTMLElement, close: () => void }} Frame */
/** @type {Frame | null} */
let frame = null;
/** @type {(() => void)[]} */
let redraws = [];

/** How far the pages of this window were scrolled, by their addresses. @type {Map<string, number>} */
const scrolled = new Map();
let shown = '';

/** @returns {HTMLElement | null} */
const scroller = () => root.querySelector('.page-body');

/** Goes back to where one had read, as soon as that much is there again. @param {number} top */
function scrollBack(top) {
  const until = Date.now() + 2_000;
  const attempt = () => {
    const node = scroller();
    if (!node || !top) return;
    node.scrollTop = top;
    if (node.scrollTop < top - 1 && Date.now() < until) requestAnimationFrame(attempt);
  };
  attempt();
}

/** Puts a page into the window. @param {Page} page @param {Place} place */
export function show(page, place) {
  const bare = page.bare || !client.user;
  // What was asked on the page before is over with it.
  for (const open of document.querySelectorAll('dialog[open]')) /** @type {HTMLDialogElement} */ (open).close();
  scrolled.set(shown, scroller()?.scrollTop ?? 0);
  shown = place.path;
  if (bare) {
    frame?.close();
    frame = null;
    fill(root, [h('main.bare', { id: 'main', tabindex: '-1' }, page.node)]);
  } else {
    frame ??= build();
    if (!frame.node.isConnected) fill(root, [skip(), frame.node]);
    fill(frame.main, [page.node]);
    fill(frame.details, [page.details ?? null]);
    frame.node.classList.toggle('detailed', Boolean(page.details));
    frame.node.classList.toggle('immersive', Boolean(page.immersive));
    frame.node.classList.toggle('listing', place.path === CHATS.path);
    mark(place.path);
  }
  root.classList.remove('starting');
  retitle(page.title);
  const form = /** @type {HTMLElement | null} */ (document.querySelector('#main [autofocus]'));
  if (page.focus) page.focus();
  else if (form) form.focus();
  else focusHeading();
  if (isReturning()) scrollBack(scrolled.get(shown) ?? 0);
}

const skip = () => h('a.skip', { href: '#main', onclick: (/** @type {Event} */ click) => {
  click.preventDefault();
  document.getElementById('main')?.focus();
} }, 'Skip to the page');

/** @returns {Frame} */
function build() {
  redraws = [];
  const list = conversationList();
  const line = h('div.line', { role: 'status', 'aria-live': 'polite' });
  const main = h('main', { id: 'main', tabindex: '-1' });
  const details = h('aside.details', { 'aria-label': 'Details' });
  const side = h(
    'aside.side',
    { 'aria-label': 'Conversations' },
    h(
      'header.side-head',
      null,
      h('a.brand', { href: '/', 'aria-label': 'Goldcrest' }, bird(), h('span', null, 'Goldcrest')),
      h('a.icon-button', { href: '/search', 'aria-label': 'Search', title: 'Search (Ctrl K)', 'aria-keyshortcuts': 'Control+K' }, icon('search')),
      h('a.icon-button', { href: '/new', 'aria-label': 'New message', title: 'New message' }, icon('write')),
    ),
    h('nav.places', { 'aria-label': 'Pages' }, ...PLACES.map(entry)),
    h('div.side-list', null, list.node),
    h('footer.side-foot', null, account()),
  );
  const tabs = h('nav.tabs', { 'aria-label': 'Main' }, ...[CHATS, ...PLACES, YOU].filter(({ tab }) => tab).map(tab));
  const ends = [
    model.on('conversations', redraw),
    model.on('contacts', redraw),
    model.on('me', redraw),
    watchConnection(line),
    list.close,
  ];
  redraw();
  const node = h('div.shell', null, side, h('div.stage', null, line, main), details, tabs);
  return { node, main, side, details, line, close: () => ends.forEach((end) => end()) };
}

function redraw() {
  for (const one of redraws) one();
}

/** @param {typeof PLACES[number]} place */
function entry({ path, label, sign, count, tab }) {
  const badge = badgeOf(count, label);
  return h('a.place', { href: path, 'data-path': path, class: tab ? 'tabbed' : '' }, icon(sign), h('span', null, label), badge);
}

/** @param {typeof PLACES[number]} place */
function tab({ path, label, sign, count, tab }) {
  return h('a.tab', { href: path, 'data-path': path, 'aria-label': label }, h('span.tab-sign', null, icon(sign), badgeOf(count, label)), h('span', { 'aria-hidden': 'true' }, tab));
}

/** How much waits somewhere. @param {(() => number) | undefined} count @param {string} label */
function badgeOf(count, label) {
  if (!count) return null;
  const badge = h('span.badge', { hidden: true });
  redraws.push(() => {
    const much = count();
    badge.hidden = much === 0;
    badge.title = `${label}: ${number(much)}`;
    fill(badge, [few(much)]);
  });
  return badge;
}

function account() {
  const button = h('button.account', { type: 'button', 'aria-label': 'Your account' });
  redraws.push(() => {
    const own = me();
    if (own) fill(button, [avatar(own, { size: 'small' }), h('span', null, own.username), icon('up')]);
  });
  return menu(button, () => [
    { label: 'Profile', icon: 'contacts', href: userPath(me()?.username ?? '') },
    { label: 'Settings', icon: 'settings', href: '/settings' },
    me()?.admin && { label: 'Administration', icon: 'admin', href: '/admin' },
    { label: 'Log out', icon: 'leave', act: () => void attempt(client.logout()) },
  ]);
}

/** Shows where one is. @param {string} path */
function mark(path) {
  for (const link of root.querySelectorAll('[data-path]')) {
    const to = link.getAttribute('data-path') ?? '';
    const here = to === '/' ? path === '/' : path === to || path.startsWith(`${to}/`);
    if (here) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
}

/** Says in words how the connection is, when it has been away for a while. @param {HTMLElement} line */
function watchConnection(line) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let gap;
  const say = () => {
    gap = undefined;
    const text = sayingOf(navigator.onLine ? client.state : { ...client.state, name: 'offline' });
    fill(line, [text && h('p', null, icon('warning'), text)]);
  };
  const look = () => {
    // A connection may seem to live on for a while after the network has gone.
    const fine = (client.state.name === 'live' && navigator.onLine) || client.state.name === 'stopped';
    if (fine) {
      clearTimeout(gap);
      gap = undefined;
      fill(line, []);
    } else if (client.state.name === 'refused') say();
    else if (line.childElementCount) say();
    else gap ??= setTimeout(say, GAP);
  };
  look();
  const stop = new AbortController();
  for (const change of ['online', 'offline']) addEventListener(change, look, { signal: stop.signal });
  const end = model.on('connection', look);
  return () => {
    stop.abort();
    clearTimeout(gap);
    end();
  };
}

/** @param {import('../goldcrest.js').State} state */
function sayingOf(state) {
  switch (state.name) {
    case 'offline':
      return 'You are offline. What you write is sent as soon as you are back.';
    case 'refused':
      return `New messages do not come by themselves: ${explain(state.error)}`;
    case 'connecting':
    case 'waiting':
      return 'No connection to the server. Trying again; what you write is kept, and sent then.';
    default:
      return null;
  }
}

/** The app cannot begin yet. */
export function waiting() {
  fill(root, [h('main', { class: 'bare', id: 'main' }, h('div.starting', { role: 'status' }, bird('bird large'), h('h1', null, 'Goldcrest'), h('p', null, 'The server cannot be reached. Trying again…')))]);
}

/** Nobody is here, until it is known who comes. @returns {Page} */
export function nobody() {
  return { title: '', node: h('div.starting', { role: 'status' }, bird('bird large'), h('h1', null, 'Goldcrest')), bare: true };
}

/** Logged in, but nothing could be read. @param {unknown} error */
export function broken(error) {
  show({ node: failure(error), title: 'Goldcrest', bare: true }, { path: location.pathname, parts: {}, query: new URLSearchParams(), state: null });
}

/** A page is being fetched, or no more. @param {boolean} now */
export function going(now) {
  root.classList.toggle('going', now);
}

/** @param {Place} _place @param {string} [says] @returns {Page} */
export function missing(_place, says = 'There is no such page.') {
  return { title: 'Not here', node: page('Not here', empty({ icon: 'search', title: says, action: h('a.button', { href: '/' }, 'To your messages') })) };
}

/** @param {unknown} error @param {Place} place @returns {Page} */
export function failed(error, place) {
  // What nobody foresaw is worth a line in the browser's console.
  if (!(error instanceof GoldcrestError)) reportError(error);
  // What there is not, and what one may not see, are the same to whoever asks.
  if (is(error, 'not_found')) return missing(place, explain(error));
  if (!(error instanceof GoldcrestError && error.passing)) return { title: 'Goldcrest', node: page('Goldcrest', failure(error)) };
  const again = () => {
    // Browsers may remember for as long as the window is not loaded again that a module could not be fetched.
    if (is(error, 'not_fetched') && client.state.name === 'live') location.reload();
    else void openAnew();
  };
  return { title: 'Goldcrest', node: page('Goldcrest', failure(error, again)), close: onceBack(again) };
}

/** @param {unknown} error @param {() => void} [again] */
function failure(error, again = () => location.reload()) {
  const button = h('button', { type: 'button', onclick: again }, 'Try again');
  return empty({ icon: 'warning', title: 'This page could not be shown.', text: explain(error), action: button });
}

/**
 * The usual page: a heading that stays, and what scrolls below it.
 *
 * @param {import('./dom.js').Child} title
 * @param {import('./dom.js').Child} body
 * @param {{ back?: string, up?: { path: string }, actions?: import('./dom.js').Child, wide?: boolean, sub?: import('./dom.js').Child }} [how]
 *   `back` is where the arrow leads, `up` where it does on a phone alone; without either, there is none
 */
export function page(title, body, { back, up, actions, wide = false, sub } = {}) {
  const to = back ?? up?.path;
  return h(
    'div.page',
    { class: wide ? 'wide' : '' },
    h(
      'header.page-head',
      null,
      to && h('a.icon-button.back', { href: to, class: back ? '' : 'narrow', 'aria-label': 'Back', title: 'Back' }, icon('back')),
      h('div.page-title', null, h('h1', null, title), sub && h('p.page-sub', null, sub)),
      actions && h('div.page-actions', null, actions),
    ),
    h('div.page-body', null, h('div.page-column', null, body)),
  );
}
