// @ts-check
/** A field for one name, which is completed as it is typed. */

import { fill, h } from '../dom.js';
import { client } from '../session.js';
import { field } from './form.js';

/** So long after the last key the server is asked. */
const PAUSE = 200;

let count = 0;

/** @param {Partial<import('./form.js').FieldOptions>} options */
export function personField(options) {
  const id = `people-${(count += 1)}`;
  const names = h('datalist', { id });
  const one = field({ name: 'username', label: 'Username', required: true, autocomplete: 'off', maxlength: 64, ...options, more: { list: id } });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let asked = '';
  one.input.addEventListener('input', () => {
    clearTimeout(timer);
    const prefix = one.input.value.trim();
    if (!prefix || prefix === asked) return;
    timer = setTimeout(async () => {
      asked = prefix;
      try {
        const { items } = await client.request('GET', 'users', { query: { prefix, limit: 8 } });
        if (asked === prefix) fill(names, items.map((/** @type {{ username: string }} */ { username }) => h('option', { value: username })));
      } catch {
        // It can be typed out.
      }
    }, PAUSE);
  });
  one.node.append(names);
  return { ...one, value: () => one.input.value.trim().replace(/^@/, '') };
}
