// @ts-check
/** Questions that want an answer before anything else goes on. */

import { fill, h } from '../dom.js';
import { icon } from './icons.js';
import { settle } from './toast.js';

let count = 0;

/**
 * Opens a dialog. It closes by Escape, its cross, a click beside it, and by `close`.
 *
 * @param {{ title: string, body: import('../dom.js').Child[], label?: string, closed?: () => void, wide?: boolean }} what
 * @returns {{ node: HTMLDialogElement, close: () => void, fill: (...body: import('../dom.js').Child[]) => void }}
 */
export function dialog({ title, body, closed, wide = false }) {
  const id = `dialog-${(count += 1)}`;
  const inside = h('div.dialog-body', null, ...body);
  const node = /** @type {HTMLDialogElement} */ (
    h(
      'dialog',
      { 'aria-labelledby': id, class: wide ? 'wide' : '' },
      h(
        'div.dialog-frame',
        null,
        h(
          'header.dialog-head',
          null,
          h('h2', { id }, title),
          h('button.icon-button', { type: 'button', 'aria-label': 'Close', onclick: () => node.close() }, icon('close')),
        ),
        inside,
      ),
    )
  );
  // Where the press begins counts: a selection that is drawn out of the dialog does not close it.
  let pressed = false;
  node.addEventListener('pointerdown', (press) => (pressed = press.target === node));
  node.addEventListener('click', (click) => click.target === node && pressed && node.close());
  node.addEventListener('close', () => {
    settle();
    node.remove();
    closed?.();
  });
  document.body.append(node);
  node.showModal();
  const first = /** @type {HTMLElement | null} */ (inside.querySelector('[autofocus], input, textarea, select'));
  first?.focus();
  return { node, close: () => node.close(), fill: (...more) => fill(inside, more) };
}

/**
 * Asks yes or no.
 *
 * @param {{ title: string, text: import('../dom.js').Child, action: string, danger?: boolean }} what `action` is what the button says that does it
 * @returns {Promise<boolean>}
 */
export function confirm({ title, text, action, danger = false }) {
  return new Promise((resolve) => {
    let answer = false;
    const yes = h('button', { type: 'button', class: danger ? 'danger' : 'primary', onclick: () => { answer = true; box.close(); } }, action);
    const no = h('button', { type: 'button', onclick: () => box.close() }, 'Cancel');
    const box = dialog({ title, body: [h('p', null, text), h('div.actions', null, no, yes)], closed: () => resolve(answer) });
    // What cannot be undone is not what Enter does.
    (danger ? no : yes).focus();
  });
}
