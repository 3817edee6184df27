// @ts-check
/** A field for several people: names become chips, and are completed while they are typed. */

import { fill, h } from '../dom.js';
import { client, me } from '../session.js';
import { model } from '../model.js';
import { avatar } from './avatar.js';
import { icon } from './icons.js';

const PAUSE = 150;
const SHOWN = 8;
let count = 0;

/** @param {string} name */
const fold = (name) => name.normalize('NFC').toLowerCase();

/** @param {{ label: string, people?: string[], changed?: () => void, most?: number }} what */
export function peoplePicker({ label, people = [], changed = () => {}, most = 31 }) {
  const id = `picker-${(count += 1)}`;
  /** @type {string[]} */
  let chosen = [...new Set(people)];
  /** @type {string[]} */
  let offered = [];
  let at = -1;
  let turn = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const chips = h('span.chips');
  const box = /** @type {HTMLInputElement} */ (
    h('input.picker-box', {
      id, type: 'text', role: 'combobox', autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false', 'aria-autocomplete': 'list', 'aria-expanded': 'false', 'aria-controls': `${id}-list`,
    })
  );
  const list = h('div.completion.below', { id: `${id}-list`, role: 'listbox', 'aria-label': 'People', hidden: true });
  const heard = h('span.heard', { role: 'status' });

  const draw = () => {
    fill(chips, chosen.map((name) => h(
      'span.chip',
      null,
      avatar({ username: name }, { size: 'small' }),
      name,
      h('button.icon-button', { type: 'button', 'aria-label': `Remove ${name}`, onclick: () => { drop(name); box.focus(); } }, icon('close')),
    )));
    box.placeholder = chosen.length ? '' : 'Names';
    changed();
  };
  /** @param {string} name */
  const drop = (name) => {
    chosen = chosen.filter((one) => one !== name);
    fill(heard, [`${name} removed`]);
    draw();
  };
  /** @param {string} name */
  const add = (name) => {
    const clean = name.trim().replace(/^@/, '');
    box.value = '';
    close();
    if (!clean || chosen.length >= most || chosen.some((one) => fold(one) === fold(clean))) return;
    chosen = [...chosen, clean];
    fill(heard, [`${clean} added`]);
    draw();
  };
  const close = () => {
    clearTimeout(timer);
    turn += 1;
    list.hidden = true;
    offered = [];
    at = -1;
    box.setAttribute('aria-expanded', 'false');
    box.removeAttribute('aria-activedescendant');
  };
  const offer = (/** @type {string[]} */ names) => {
    offered = [...new Set(names)].filter((name) => !chosen.some((one) => fold(one) === fold(name))).slice(0, SHOWN);
    at = Math.min(Math.max(at, 0), offered.length - 1);
    list.hidden = !offered.length;
    box.setAttribute('aria-expanded', String(!list.hidden));
    if (at >= 0) box.setAttribute('aria-activedescendant', `${id}-${at}`);
    fill(list, offered.map((name, index) => h(
      'div.completion-name',
      { id: `${id}-${index}`, role: 'option', 'aria-selected': String(index === at), onmousedown: (/** @type {Event} */ press) => { press.preventDefault(); add(name); } },
      avatar({ username: name }, { size: 'small', online: model.isOnline(name) }),
      h('span', null, name),
    )));
  };
  /** Those one has written with lately. */
  const near = () => model.conversations().flatMap(({ kind, members }) => (kind === 'direct' ? (members ?? []) : [])).map(({ user }) => user.username).filter((name) => name !== me()?.username);
  const look = () => {
    const typed = box.value.trim().replace(/^@/, '');
    const mine = (turn += 1);
    clearTimeout(timer);
    const here = near().filter((name) => fold(name).startsWith(fold(typed)));
    at = 0;
    offer(here);
    if (!typed) return;
    timer = setTimeout(async () => {
      try {
        const { items } = await client.request('GET', 'users', { query: { prefix: typed, limit: SHOWN } });
        if (mine === turn) offer([...here, ...items.map((/** @type {{ username: string }} */ { username }) => username)]);
      } catch {
        // The name can be typed out.
      }
    }, PAUSE);
  };
  box.addEventListener('input', () => {
    if (/[,;\s]$/.test(box.value) && box.value.trim()) add(box.value.replace(/[,;\s]+$/, ''));
    else look();
  });
  box.addEventListener('click', look);
  box.addEventListener('blur', () => {
    close();
    if (box.value.trim()) add(box.value);
  });
  box.addEventListener('keydown', (key) => {
    if (key.isComposing) return;
    if ((key.key === 'ArrowDown' || key.key === 'ArrowUp') && offered.length) {
      at = (at + (key.key === 'ArrowDown' ? 1 : -1) + offered.length) % offered.length;
      offer(offered);
    } else if (key.key === 'ArrowDown') look();
    else if (key.key === 'Enter' && (box.value.trim() || key.shiftKey)) add(offered[at] ?? box.value);
    else if (key.key === 'Tab' && box.value.trim() && offered[at]) add(offered[at] ?? '');
    else if (key.key === 'Escape' && !list.hidden) close();
    else if (key.key === 'Backspace' && !box.value && chosen.length) {
      drop(chosen.at(-1) ?? '');
      return;
    } else return;
    key.preventDefault();
  });
  const node = h('div.field.picker', null, h('label', { for: id }, label), h('div.picker-frame', { onclick: () => box.focus() }, chips, box), list, heard);
  draw();
  return {
    node,
    focus: () => box.focus(),
    /** Who was chosen, and whose name stands there still. */
    people: () => (box.value.trim() ? [...chosen, box.value.trim().replace(/^@/, '')] : chosen),
  };
}
