// @ts-check
/** A part of a page with a heading, and switches that are set at once. */

import { h } from '../dom.js';
import { explain } from '../explain.js';
import { toast } from './toast.js';

let count = 0;

/** @param {string} title @param {import('../dom.js').Child} body @param {import('../dom.js').Child} [text] */
export function section(title, body, text) {
  const id = `section-${(count += 1)}`;
  return h('section.block', { 'aria-labelledby': id }, h('h2', { id }, title), text && h('p.quiet', null, text), body);
}

/**
 * Something that is on or off, or one of several, and is set as soon as it is chosen. What cannot be set goes back.
 *
 * @param {object} what
 * @param {string} what.label
 * @param {string} [what.hint]
 * @param {boolean} what.value
 * @param {(value: boolean) => Promise<boolean | void> | boolean | void} what.set what it is afterwards, if that is not what was chosen
 */
export function toggle({ label, hint, value, set }) {
  const id = `toggle-${(count += 1)}`;
  const input = /** @type {HTMLInputElement} */ (
    h('input', { type: 'checkbox', role: 'switch', id, checked: value, 'aria-describedby': hint ? `${id}-hint` : null, onchange: async () => {
      const wanted = input.checked;
      try {
        const now = await set(wanted);
        if (typeof now === 'boolean') input.checked = now;
      } catch (error) {
        input.checked = !wanted;
        toast(explain(error), { kind: 'bad' });
      }
    } })
  );
  return h('div.toggle', null, h('label', { for: id }, label, hint && h('small', { id: `${id}-hint` }, hint)), input);
}

/**
 * @template {string} T
 * @param {{ label: string, value: T, options: [T, string, string?][], set: (value: T) => Promise<unknown> | unknown }} what
 */
export function choice({ label, value, options, set }) {
  const name = `choice-${(count += 1)}`;
  let now = value;
  /** @type {Map<T, HTMLInputElement>} */
  const inputs = new Map();
  const rows = options.map(([of, words, hint]) => {
    const input = /** @type {HTMLInputElement} */ (
      h('input', { type: 'radio', name, value: of, checked: of === value, onchange: async () => {
        try {
          await set(of);
          now = of;
        } catch (error) {
          const before = inputs.get(now);
          if (before) before.checked = true;
          toast(explain(error), { kind: 'bad' });
        }
      } })
    );
    inputs.set(of, input);
    return h('label.choice', null, input, h('span', null, words, hint && h('small', null, hint)));
  });
  return h('fieldset', null, h('legend', null, label), rows);
}
