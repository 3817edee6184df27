// @ts-check
/** What to tell people when something did not work: what happened, and what they can do. */

import { GoldcrestError } from '../goldcrest.js';

/** @type {Record<string, string>} */
const SAYINGS = {
  unreachable: 'The server cannot be reached. Check your connection, and try again.',
  not_fetched: 'The server cannot be reached. Check your connection, and try again.',
  invalid_credentials: 'That is not the right name and password.',
  suspended: 'This account is suspended. Ask whoever runs this server.',
  registration_closed: 'Nobody can register here by himself. Ask whoever runs this server for an account.',
  invitation_invalid: 'This invitation is not good any more. Ask for another one.',
  mail_not_configured: 'This server sends no mail. Ask whoever runs it.',
  foreign_origin: 'This server is known by another address. Open it there, or tell whoever runs it.',
  not_admin: 'Only administrators may do this.',
  overloaded: 'The server has too much to do. Try again in a moment.',
  unavailable: 'The server is not ready. Try again in a moment.',
  outcome_unknown: 'The server lost its database while it did this. Look whether it was done before you try again.',
  internal: 'The server failed at this. Try again; if it fails again, tell whoever runs it.',
  unauthorized: 'You are not logged in any more. Log in again.',
};

/** @param {unknown} error */
export function explain(error) {
  if (!(error instanceof GoldcrestError)) return 'Something went wrong here. Load the page again.';
  return SAYINGS[error.code] ?? error.detail;
}

/** Whether this is how the server refuses with. @param {unknown} error @param {...string} codes */
export const is = (error, ...codes) => error instanceof GoldcrestError && codes.includes(error.code);
