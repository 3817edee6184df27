// @ts-check
/** Something to be copied: a key, a link. */

import { h } from '../dom.js';
import { icon } from './icons.js';
import { toast } from './toast.js';

/** @param {string} text @param {string} label what it is */
export function copyable(text, label) {
  const shown = /** @type {HTMLInputElement} */ (h('input', { type: 'text', readonly: true, value: text, 'aria-label': label, onfocus: () => shown.select() }));
  const button = h('button.primary', { type: 'button', onclick: () => void copy(text, label, shown) }, icon('copy'), 'Copy');
  return h('div.copyable', null, shown, button);
}

/** @param {string} text @param {string} label @param {HTMLInputElement} [shown] what is selected where copying is forbidden */
export async function copy(text, label, shown) {
  try {
    await navigator.clipboard.writeText(text);
    toast(`${label} copied.`);
  } catch {
    // Browsers let pages copy only where they came over TLS, or from this machine.
    shown?.select();
    toast(shown ? 'Select it and copy it by hand: this browser does not let the page do so.' : 'This browser does not let the page copy.', { kind: 'bad' });
  }
}
