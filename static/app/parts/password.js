// @ts-check
/** Proving who one is, before what only oneself may do. */

import { is } from '../explain.js';
import { field } from './form.js';

/** @param {Partial<import('./form.js').FieldOptions>} [more] */
export const passwordField = (more = {}) => field({ name: 'password', label: 'Your password', type: 'password', required: true, autocomplete: 'current-password', ...more });

/** What is wrong with the password that was given. @param {string} [name] */
export const wrongPassword = (name = 'password') => (/** @type {unknown} */ error) => (is(error, 'invalid_credentials') ? { field: name, text: 'That is not your password.' } : null);
