// @ts-check
/** Completes names after an @ while a text is typed: arrows choose, Enter or Tab takes, Escape closes. */

import { fill, h } from '../dom.js';
import { client } from '../session.js';
import { avatar } from './avatar.js';

/** So long after the last key the server is asked for names that are not at hand. */
const PAUSE = 150;
const SHOWN = 6;

let count = 0;

/** @param {string} name */
const fold = (name) => name.normalize('NFC').toLowerCase();

/** @param {HTMLTextAreaElement | HTMLInputElement} box @param {() => string[]} near names that come first, without asking the server */
export function completion(box, near) {
  const id = `names-${(count += 1)}`;
  const node = h('div.completion', { role: 'listbox', id, 'aria-label': 'Names', hidden: true });
  /** @type {string[]} */
  let found = [];
  let chosen = 0;
  let from = -1;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let turn = 0;
  // A box of several lines is no combobox; it says what it offers by the name that is chosen in the list.
  for (const [name, value] of Object.entries({ 'aria-autocomplete': 'list', 'aria-controls': id, 'aria-haspopup': 'listbox' })) box.setAttribute(name, value);

  const close = () => {
    clearTimeout(timer);
    turn += 1;
    found = [];
    node.hidden = true;
    box.removeAttribute('aria-activedescendant');
  };
  const draw = () => {
    if (!found.length) {
      close();
      return;
    }
    chosen = Math.min(chosen, found.length - 1);
    node.hidden = false;
    box.setAttribute('aria-activedescendant', `${id}-${chosen}`);
    fill(node, found.map((name, index) => h(
      'div.completion-name',
      { role: 'option', id: `${id}-${index}`, 'aria-selected': String(index === chosen), onmousedown: (/** @type {Event} */ press) => { press.preventDefault(); take(name); } },
      avatar({ username: name }, { size: 'small' }),
      h('span', null, name),
    )));
  };
  /** @param {string} name */
  const take = (name) => {
    const rest = box.value.slice(box.selectionEnd ?? box.value.length);
    const before = `${box.value.slice(0, from)}@${name} `;
    box.value = before + rest.replace(/^ /, '');
    box.setSelectionRange(before.length, before.length);
    close();
    box.dispatchEvent(new Event('input', { bubbles: true }));
  };
  const look = () => {
    const before = box.value.slice(0, box.selectionEnd ?? 0);
    const match = before.match(/(?:^|[\s([{"'/])@([\p{L}\p{N}\p{M}_.@+-]{0,64})$/u);
    if (!match || box.selectionStart !== box.selectionEnd) {
      close();
      return;
    }
    const typed = match[1] ?? '';
    from = before.length - typed.length - 1;
    const mine = (turn += 1);
    const here = near().filter((name) => fold(name).startsWith(fold(typed)));
    found = here.filter((name) => fold(name) !== fold(typed)).slice(0, SHOWN);
    chosen = 0;
    draw();
    turn = mine;
    clearTimeout(timer);
    if (!typed || here.length >= SHOWN) return;
    timer = setTimeout(async () => {
      try {
        const { items } = await client.request('GET', 'users', { query: { prefix: typed, limit: SHOWN } });
        if (turn !== mine) return;
        const more = items.map((/** @type {{ username: string }} */ { username }) => username).filter((/** @type {string} */ name) => !here.includes(name) && fold(name) !== fold(typed));
        found = [...found, ...more].slice(0, SHOWN);
        draw();
      } catch {
        // The name can be typed out.
      }
    }, PAUSE);
  };
  box.addEventListener('input', look);
  box.addEventListener('blur', close);
  box.addEventListener('keydown', (event) => {
    const key = /** @type {KeyboardEvent} */ (event);
    if (node.hidden || key.isComposing) return;
    const name = found[chosen];
    if (key.key === 'ArrowDown' || key.key === 'ArrowUp') {
      chosen = (chosen + (key.key === 'ArrowDown' ? 1 : -1) + found.length) % found.length;
      draw();
    } else if ((key.key === 'Enter' || key.key === 'Tab') && name) take(name);
    else if (key.key === 'Escape') close();
    else return;
    key.preventDefault();
    key.stopPropagation();
  });
  return { node, close };
}
