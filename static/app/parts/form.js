// @ts-check
/** Forms: what is wrong is said at the field concerned, in words, and the focus goes there. */

import { GoldcrestError } from '../../goldcrest.js';
import { fill, h } from '../dom.js';
import { explain } from '../explain.js';
import { icon } from './icons.js';

/**
 * @typedef {object} FieldOptions
 * @property {string} name as the server calls it
 * @property {string} label
 * @property {'text' | 'password' | 'email' | 'search' | 'textarea' | 'select' | 'checkbox' | 'number'} [type]
 * @property {string | boolean} [value]
 * @property {string} [hint]
 * @property {boolean} [required]
 * @property {string} [autocomplete]
 * @property {number} [minlength]
 * @property {number} [maxlength]
 * @property {string} [placeholder]
 * @property {boolean} [focus] whether the form begins here
 * @property {[string, string][]} [options] of a `select`: value and words
 * @property {Record<string, string>} [more] other attributes of the input
 */
/** @typedef {{ name: string, node: HTMLElement, input: HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement, value: () => any, fail: (text: string | null) => void, check: () => string | null }} Field */

let count = 0;

/** @param {FieldOptions} options @returns {Field} */
export function field(options) {
  const { name, label, type = 'text', hint, required = false } = options;
  const id = `field-${(count += 1)}`;
  const input = inputOf(options, id);
  const trouble = h('p.field-trouble', { id: `${id}-trouble`, hidden: true });
  const says = hint ? h('p.field-hint', { id: `${id}-hint` }, hint) : null;
  input.setAttribute('aria-describedby', [says?.id, trouble.id].filter(Boolean).join(' '));
  const fail = (/** @type {string | null} */ text) => {
    fill(trouble, [text]);
    trouble.hidden = text === null;
    if (text === null) input.removeAttribute('aria-invalid');
    else input.setAttribute('aria-invalid', 'true');
  };
  input.addEventListener('input', () => fail(null));
  const value = () => (type === 'checkbox' ? /** @type {HTMLInputElement} */ (input).checked : input.value);
  const check = () => {
    const text = String(value());
    if (required && type !== 'checkbox' && !text.trim()) return 'Please fill this in.';
    if (options.minlength && text && [...text].length < options.minlength) return `At least ${options.minlength} characters, please.`;
    if (type === 'email' && text && !/^\S+@\S+$/.test(text)) return 'This is no e-mail address.';
    return null;
  };
  const words = h('label', { for: id }, label);
  const node =
    type === 'checkbox'
      ? h('div.field.check', null, h('div.check-row', null, input, words), says, trouble)
      : h('div.field', null, words, type === 'password' ? withEye(/** @type {HTMLInputElement} */ (input)) : input, says, trouble);
  return { name, node, input, value, fail, check };
}

/** @param {FieldOptions} options @param {string} id */
function inputOf({ name, type = 'text', value, required = false, autocomplete, maxlength, placeholder, focus, options, more }, id) {
  const shared = { id, name, required, autocomplete, maxlength, placeholder, autofocus: focus, ...more };
  if (type === 'textarea') return /** @type {HTMLTextAreaElement} */ (h('textarea', { rows: '4', ...shared, value: value ?? '' }));
  if (type === 'select') {
    const choices = (options ?? []).map(([of, words]) => h('option', { value: of, selected: of === value }, words));
    return /** @type {HTMLSelectElement} */ (h('select', shared, ...choices));
  }
  if (type === 'checkbox') return /** @type {HTMLInputElement} */ (h('input', { ...shared, type, checked: Boolean(value) }));
  // Names and passwords are as they are typed.
  const exact = ['username', 'password', 'email'].includes(name) || type === 'password' || type === 'email';
  const quiet = exact ? { autocapitalize: 'none', spellcheck: 'false', autocorrect: 'off' } : {};
  return /** @type {HTMLInputElement} */ (h('input', { ...shared, ...quiet, type, value: value ?? '' }));
}

/** A password that can be looked at. @param {HTMLInputElement} input */
function withEye(input) {
  const eye = h('button.icon-button.eye', {
    type: 'button',
    'aria-label': 'Show password',
    'aria-pressed': 'false',
    onclick: () => {
      const shown = input.type === 'password';
      input.type = shown ? 'text' : 'password';
      eye.setAttribute('aria-pressed', String(shown));
      eye.setAttribute('aria-label', shown ? 'Hide password' : 'Show password');
    },
  }, icon('eye'));
  return h('div.with-eye', null, input, eye);
}

/**
 * @typedef {object} FormOptions
 * @property {Field[]} fields
 * @property {string} action what the button says
 * @property {(values: Record<string, any>) => Promise<unknown>} send does it; whatever it throws is shown
 * @property {string} [label] what screen readers call the form
 * @property {boolean} [danger] whether the button does what cannot be undone
 * @property {import('../dom.js').Child} [beside] stands beside the button
 * @property {Record<string, string>} [names] the form's names for the fields that the server names otherwise
 * @property {(error: unknown) => { field?: string, text: import('../dom.js').Child } | null} [explains] says it in better words
 */

/** @param {FormOptions} options */
export function form({ fields, action, send, label, danger = false, beside, names = {}, explains }) {
  const trouble = h('div.form-trouble', { role: 'alert', hidden: true });
  const button = /** @type {HTMLButtonElement} */ (h('button', { type: 'submit', class: danger ? 'danger' : 'primary' }, action));
  const say = (/** @type {import('../dom.js').Child} */ text) => {
    trouble.hidden = !text;
    fill(trouble, [text]);
  };
  const fail = (/** @type {unknown} */ error) => {
    const better = explains?.(error);
    const named = better ? better.field : error instanceof GoldcrestError ? (names[error.field ?? ''] ?? error.field) : null;
    const one = fields.find(({ name }) => name === named);
    const text = better?.text ?? explain(error);
    if (one && typeof text === 'string') {
      one.fail(text);
      one.input.focus();
    } else say(text);
  };
  let busy = false;
  const node = /** @type {HTMLFormElement} */ (
    h(
      'form',
      {
        novalidate: true,
        'aria-label': label,
        onsubmit: async (/** @type {SubmitEvent} */ submit) => {
          submit.preventDefault();
          if (busy) return;
          say(null);
          const wrong = fields.map((one) => ({ one, text: one.check() })).filter(({ text }) => text);
          for (const { one, text } of wrong) one.fail(text);
          if (wrong[0]) {
            wrong[0].one.input.focus();
            return;
          }
          busy = true;
          button.setAttribute('aria-disabled', 'true');
          try {
            await send(Object.fromEntries(fields.map((one) => [one.name, one.value()])));
          } catch (error) {
            fail(error);
          } finally {
            busy = false;
            button.removeAttribute('aria-disabled');
          }
        },
      },
      ...fields.map((one) => one.node),
      trouble,
      h('div.actions', null, beside, button),
    )
  );
  return { node, fail, say, button };
}
