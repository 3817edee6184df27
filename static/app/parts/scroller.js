// @ts-check
/** A long list of which a few hundred rows are in the page: it grows where one scrolls to, and what is looked at stays in its place. */

import { h } from '../dom.js';

/** The most rows in the page, how many there are at first, how many come in one frame, and how near the edge (in pixels) they are wanted. */
const MOST = 160;
const FIRST = 40;
const STEP = 8;
const NEAR = 1_400;
/** So many frames are waited for one in which the list does not stand at its very top. */
const PATIENCE = 10;
/** Whoever is so near the newest end stays there when something new comes. */
const STUCK = 48;
/** Whether the browser by itself keeps what is looked at in its place: it knows how far a scroll under way has got meanwhile. */
const ANCHORS = CSS.supports('overflow-anchor', 'auto');

/** @typedef {import('../history.js').Message} Message */

/**
 * @typedef {object} Source
 * @property {import('../history.js').History} history
 * @property {(message: Message, before: Message | null) => string} context what else a row's look hangs on: it is drawn anew when that changes
 * @property {(message: Message, before: Message | null) => HTMLElement} row
 * @property {boolean} [newestFirst] shows them the other way round
 * @property {() => void} [scrolled]
 * @property {() => import('../dom.js').Child} [head] what stands before the very first message
 * @property {string} label
 */

/** @param {Source} source */
export function scroller(source) {
  const { history } = source;
  const list = h('ol.window', { 'aria-label': source.label });
  const flipped = source.newestFirst === true;
  // It has its place before it is seen, so that nothing moves when it is.
  const head = source.head ? h('div.window-head', null, source.head()) : null;
  const node = h('div.scroller', { tabindex: '-1' }, flipped ? [list, head] : [head, list]);
  /** @type {Map<number, { item: Message, context: string, row: HTMLElement }>} */
  let drawn = new Map();
  // The rows in the page are those of the items with these keys and what is between.
  let first = 0;
  let last = 0;
  let stuck = true;
  let busy = false;
  let closed = false;

  /** The index of the first item that is not before a key. @param {Message[]} items @param {number} key */
  const place = (items, key) => {
    let from = 0;
    let to = items.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (/** @type {Message} */ (items[middle]).id < key) from = middle + 1;
      else to = middle;
    }
    return from;
  };

  // A row hangs on what stands before it: the outermost message is drawn once that is known.
  const low = () => (flipped || history.begun || history.messages.length < 2 ? 0 : 1);
  const high = () => history.messages.length - (flipped && !history.ended && history.messages.length > 1 ? 1 : 0);

  const atNewest = () => (flipped ? node.scrollTop <= STUCK : node.scrollHeight - node.scrollTop - node.clientHeight <= STUCK);

  /** The first row that can be seen, and where. @returns {{ key: number, top: number } | null} */
  const anchor = () => {
    const edge = node.getBoundingClientRect().top;
    const rows = list.children;
    let from = 0;
    let to = rows.length - 1;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (/** @type {Element} */ (rows[middle]).getBoundingClientRect().bottom <= edge) from = middle + 1;
      else to = middle;
    }
    const row = /** @type {HTMLElement | undefined} */ (rows[from]);
    return row ? { key: Number(row.dataset.key), top: row.getBoundingClientRect().top - edge } : null;
  };

  /** @param {number} to */
  const scrollTo = (to) => {
    if (Math.abs(node.scrollTop - to) >= 1) node.scrollTop = to;
  };

  /** @param {{ key: number, top: number } | null} held */
  const hold = (held) => {
    const row = held && drawn.get(held.key)?.row;
    if (!held || !row) return;
    const moved = row.getBoundingClientRect().top - node.getBoundingClientRect().top - held.top;
    if (moved) scrollTo(node.scrollTop + moved);
  };

  /** Draws, and leaves what is looked at in its place. @param {Message[]} items @param {number} from @param {number} to */
  const steady = (items, from, to) => {
    const held = ANCHORS ? null : anchor();
    draw(items, from, to);
    hold(held);
  };

  /** At the very top no browser holds on to anything. @returns {boolean} whether one was there */
  const lift = () => {
    if (!ANCHORS || node.scrollTop >= 1) return false;
    node.scrollTop = 1;
    return true;
  };

  const toNewest = () => scrollTo(flipped ? 0 : node.scrollHeight);

  /** Draws the items from one index to another. @param {Message[]} items @param {number} from @param {number} to */
  const draw = (items, from, to) => {
    /** @type {typeof drawn} */
    const next = new Map();
    /** @type {HTMLElement[]} */
    const rows = [];
    const focused = /** @type {HTMLElement | null} */ (list.contains(document.activeElement) ? document.activeElement : null);
    const focusedKey = Number(/** @type {HTMLElement | null} */ (focused?.closest('[data-key]'))?.dataset.key);
    for (let index = from; index < to; index += 1) {
      const item = /** @type {Message} */ (items[index]);
      const beside = (flipped ? items[index + 1] : items[index - 1]) ?? null;
      const key = item.id;
      const context = source.context(item, beside);
      let entry = drawn.get(key);
      if (!entry || entry.item !== item || entry.context !== context) {
        const row = source.row(item, beside);
        row.dataset.key = String(key);
        entry = { item, context, row };
      }
      next.set(key, entry);
      rows.push(entry.row);
    }
    if (flipped) rows.reverse();
    drawn = next;
    const kept = new Set(rows);
    for (const row of [...list.children]) if (!kept.has(/** @type {HTMLElement} */ (row))) row.remove();
    let at = list.firstElementChild;
    for (const row of rows) {
      if (row === at) at = at.nextElementSibling;
      else list.insertBefore(row, at);
    }
    first = from < to ? /** @type {Message} */ (items[from]).id : 0;
    last = from < to ? /** @type {Message} */ (items[to - 1]).id : 0;
    if (focused && !focused.isConnected) drawn.get(focusedKey)?.row.focus({ preventScroll: true });
    head?.classList.toggle('seen', from === 0 && to > 0 && history.begun);
  };

  /** Something is other than before. */
  const refresh = () => {
    if (closed) return;
    const items = history.messages;
    if (!items.length) {
      draw(items, 0, 0);
      return;
    }
    const stay = stuck && history.ended;
    let from = first ? Math.max(low(), place(items, first)) : Math.max(low(), items.length - FIRST);
    let to = last ? Math.min(high(), place(items, last + 1)) : high();
    if (stay || to <= from) {
      to = high();
      // What is too much goes in a frame of its own, where it moves nothing.
      from = Math.max(Math.min(from, to - FIRST), to - 2 * MOST, low());
    }
    if (stay) {
      draw(items, from, to);
      toNewest();
    } else steady(items, from, to);
    fillSoon();
  };

  /** Grows the window on one side, and lets go on the other. @param {'older' | 'newer'} side @returns {boolean} whether it did */
  const grow = (side) => {
    const items = history.messages;
    let from = place(items, first);
    let to = place(items, last + 1);
    if (side === 'older') {
      if (from <= low()) return false;
      from = Math.max(low(), from - STEP);
      to = Math.min(to, from + MOST);
    } else {
      if (to >= high()) return false;
      to = Math.min(high(), to + STEP);
      from = Math.max(from, to - MOST);
    }
    if (isAbove(side)) lift();
    steady(items, from, to);
    return true;
  };

  /** Whether a side is the upper one. @param {'older' | 'newer'} side */
  const isAbove = (side) => (side === 'older') !== flipped;

  /** @param {'older' | 'newer'} side */
  const canGrow = (side) => (side === 'older' ? place(history.messages, first) > low() : place(history.messages, last + 1) < high());

  let lifted = 0;
  let asked = 0;
  let scrolled = false;
  /** Between two frames a scroll may be on its way that nobody here knows of: what is drawn then would jump. */
  const fillSoon = () => (asked ||= requestAnimationFrame(frame));

  /** Draws once in a frame, and measures before that: otherwise the browser lays all out twice. */
  const frame = () => {
    asked = 0;
    if (closed) return;
    if (scrolled) {
      scrolled = false;
      stuck = atNewest();
      source.scrolled?.();
    }
    fillUp();
  };

  /** Brings more where the edge is near. */
  const fillUp = () => {
    if (busy || !list.childElementCount || !node.clientHeight) return;
    if (drawn.size > MOST + STEP) {
      const items = history.messages;
      const to = place(items, last + 1);
      steady(items, to - MOST, to);
      fillSoon();
      return;
    }
    const above = node.scrollTop;
    const below = node.scrollHeight - node.scrollTop - node.clientHeight;
    /** @type {['older' | 'newer', number][]} */
    const sides = flipped ? [['newer', above], ['older', below]] : [['older', above], ['newer', below]];
    for (const [side, left] of sides) {
      if (left > NEAR) continue;
      // What is drawn in the same frame would be taken for a jump. Whoever goes on pushing upward does get more.
      lifted = isAbove(side) && lifted < PATIENCE && above < 1 && canGrow(side) && lift() ? lifted + 1 : 0;
      if (lifted || grow(side)) {
        fillSoon();
        return;
      }
      if (side === 'older' ? history.begun : history.ended) continue;
      busy = true;
      list.setAttribute('aria-busy', 'true');
      const before = history.messages;
      history[side]().then(
        () => {
          busy = false;
          if (history.messages !== before) fillSoon();
        },
        // It is tried again when somebody scrolls on.
        () => setTimeout(() => (busy = false), 2_000),
      ).finally(() => list.removeAttribute('aria-busy'));
      return;
    }
  };

  const onscroll = () => {
    scrolled = true;
    fillSoon();
  };
  node.addEventListener('scroll', onscroll, { passive: true });
  const resized = new ResizeObserver(() => {
    if (stuck && history.ended) toNewest();
    fillSoon();
  });
  resized.observe(node);

  return {
    node,
    list,
    refresh,
    /** Whether one is where the newest comes in. */
    atNewest: () => stuck && history.ended,
    /** Shows the newest, which must be loaded. */
    toNewest() {
      stuck = true;
      first = last = 0;
      refresh();
      toNewest();
    },
    /** Shows an item that is loaded. @param {number} key @param {{ at?: number, focus?: boolean }} [how] `at` is how far down, of 1 */
    show(key, { at = 0.3, focus = false } = {}) {
      const items = history.messages;
      const index = place(items, key);
      if (index >= items.length) return null;
      stuck = false;
      draw(items, Math.max(Math.min(low(), index), index - FIRST), Math.min(Math.max(high(), index + 1), index + FIRST));
      const row = list.querySelector(`[data-key="${/** @type {Message} */ (items[index]).id}"]`);
      if (!(row instanceof HTMLElement)) return null;
      const top = row.getBoundingClientRect().top - node.getBoundingClientRect().top + node.scrollTop;
      scrollTo(Math.max(0, top - node.clientHeight * at));
      stuck = atNewest();
      if (focus) row.focus({ preventScroll: true });
      fillSoon();
      return row;
    },
    /** The key of the first row that can be seen, and where it stands; null where one is at the newest. */
    place() {
      const held = stuck && history.ended ? null : anchor();
      return held && { key: held.key, at: held.top / (node.clientHeight || 1) };
    },
    /** The key of the last row that can be seen whole, or as much of it as fits. */
    lastSeen() {
      const edge = node.getBoundingClientRect().bottom;
      let found = 0;
      for (const { row, item } of drawn.values()) {
        const box = row.getBoundingClientRect();
        if (box.bottom <= edge + 4 || box.top < edge - node.clientHeight / 2) found = Math.max(found, item.id);
      }
      return found;
    },
    close() {
      closed = true;
      resized.disconnect();
    },
  };
}

/** Arrow keys go from row to row. @param {HTMLElement} list @param {(row: HTMLElement, key: KeyboardEvent) => boolean | void} [more] whether a key did something */
export function walk(list, more) {
  list.addEventListener('keydown', (key) => {
    const row = /** @type {HTMLElement | null} */ (key.target instanceof Element ? key.target.closest('[data-key]') : null);
    if (!row || key.ctrlKey || key.metaKey || key.altKey) return;
    const to = key.key === 'ArrowDown' ? row.nextElementSibling : key.key === 'ArrowUp' ? row.previousElementSibling : null;
    if (to instanceof HTMLElement) {
      key.preventDefault();
      to.focus({ preventScroll: true });
      to.scrollIntoView({ block: 'nearest' });
    } else if (key.target === row && more?.(row, key)) key.preventDefault();
  });
}
