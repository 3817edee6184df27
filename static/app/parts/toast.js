// @ts-check
/** Short notes at the lower edge: something was done, or was not. Screen readers hear them. */

import { h } from '../dom.js';
import { explain } from '../explain.js';
import { icon } from './icons.js';

const LASTS = 5_000;
const LASTS_WITH_ACTION = 10_000;

const shelf = h('div.toasts', { role: 'status', 'aria-live': 'polite', 'aria-label': 'Notes', popover: 'manual' });

/** Notes stand within the dialog that is open: whatever is beside it can neither be pressed nor is it read out. */
export function settle() {
  const home = [...document.querySelectorAll('dialog[open]')].at(-1) ?? document.body;
  if (shelf.parentElement === home) return;
  home.append(shelf);
  if (shelf.childElementCount) shelf.showPopover?.();
}

/**
 * @param {string} text
 * @param {{ kind?: 'good' | 'bad', action?: string, act?: () => void }} [how] `action` is what the button beside it says
 * @returns {() => void} what takes it away
 */
export function toast(text, { kind = 'good', action, act } = {}) {
  settle();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const away = () => {
    clearTimeout(timer);
    note.remove();
    if (!shelf.childElementCount) shelf.hidePopover?.();
  };
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(away, action ? LASTS_WITH_ACTION : LASTS);
  };
  const note = h(
    'div.toast',
    { class: kind, onpointerenter: () => clearTimeout(timer), onpointerleave: wait, onfocusin: () => clearTimeout(timer), onfocusout: wait },
    h('span', null, text),
    action && h('button.link', { type: 'button', onclick: () => { away(); act?.(); } }, action),
    h('button.icon-button', { type: 'button', 'aria-label': 'Close', onclick: away }, icon('close')),
  );
  // Shown anew, it is above a dialog that was opened since.
  if (shelf.matches(':popover-open')) shelf.hidePopover?.();
  shelf.showPopover?.();
  while (shelf.childElementCount >= 3) shelf.firstElementChild?.remove();
  shelf.append(note);
  wait();
  return away;
}

/** Says what went wrong. @param {unknown} error */
export const complain = (error) => toast(explain(error), { kind: 'bad' });

/** Does something that people hear of only if it fails. @template T @param {Promise<T>} doing @returns {Promise<T | undefined>} */
export async function attempt(doing) {
  try {
    return await doing;
  } catch (error) {
    complain(error);
    return undefined;
  }
}
