// @ts-check
/** A button that opens a few things to choose from. */

import { h } from '../dom.js';
import { icon } from './icons.js';

/** @typedef {{ label: string, icon?: string, act?: () => void, href?: string, danger?: boolean } | null | false | undefined} Item */

/**
 * @param {HTMLElement} button what opens it
 * @param {() => Item[]} items asked for each time
 */
export function menu(button, items) {
  button.setAttribute('aria-haspopup', 'menu');
  button.setAttribute('aria-expanded', 'false');
  button.addEventListener('click', () => openMenu(button, items()));
  button.addEventListener('keydown', (key) => {
    if (key.key !== 'ArrowDown') return;
    key.preventDefault();
    openMenu(button, items());
  });
  return button;
}

/** The usual button with three dots. @param {string} label @param {() => Item[]} items */
export const moreButton = (label, items) =>
  menu(h('button.icon-button', { type: 'button', 'aria-label': label, title: label }, icon('more')), items);

/** Opens a menu beside an element. @param {HTMLElement} anchor @param {Item[]} items */
export function openMenu(anchor, items) {
  document.querySelector('.menu')?.remove();
  const entries = items.flatMap((item) => (item ? [entry(item, () => list.hidePopover())] : []));
  const list = h('div.menu', { role: 'menu', popover: 'auto' }, entries);
  /** @param {number} index */
  const focus = (index) => entries[(index + entries.length) % entries.length]?.focus();
  list.addEventListener('keydown', (key) => {
    const at = entries.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[key.key];
    if (key.key === 'Tab') list.hidePopover();
    if (to === undefined) {
      if (key.key.length !== 1 || key.ctrlKey || key.metaKey || key.altKey || key.key === ' ') return;
      const letter = key.key.toLowerCase();
      const next = [...entries.slice(at + 1), ...entries].find((one) => one.textContent?.trim().toLowerCase().startsWith(letter));
      next?.focus();
      return;
    }
    key.preventDefault();
    focus(to);
  });
  list.addEventListener('toggle', (toggle) => {
    if (/** @type {ToggleEvent} */ (toggle).newState !== 'closed') return;
    anchor.setAttribute('aria-expanded', 'false');
    if (list.contains(document.activeElement) || document.activeElement === document.body) anchor.focus();
    list.remove();
  });
  // Within a dialog, for what is beside one cannot be reached; and within a landmark, so that those who go by these find it.
  (anchor.closest('dialog, main, aside, nav') ?? document.body).append(list);
  list.showPopover();
  anchor.setAttribute('aria-expanded', 'true');
  place(list, anchor.getBoundingClientRect());
  focus(0);
}

/** @param {NonNullable<Exclude<Item, false>>} item @param {() => void} close */
function entry({ label, icon: sign, act, href, danger }, close) {
  const attributes = { role: 'menuitem', tabindex: '-1', class: danger ? 'danger' : '' };
  const inside = [sign ? icon(sign) : null, h('span', null, label)];
  if (href) return h('a', { ...attributes, href, onclick: close }, ...inside);
  return h('button', { ...attributes, type: 'button', onclick: () => { close(); act?.(); } }, ...inside);
}

/** Below or above what opened it, within the window. @param {HTMLElement} list @param {DOMRect} anchor */
function place(list, anchor) {
  const { width, height } = list.getBoundingClientRect();
  const below = anchor.bottom + 4 + height <= innerHeight - 8;
  const top = below ? anchor.bottom + 4 : Math.max(8, anchor.top - 4 - height);
  const left = anchor.left + width <= innerWidth - 8 ? anchor.left : anchor.right - width;
  list.style.top = `${top}px`;
  list.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
}
