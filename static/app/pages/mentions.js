// @ts-check
/** `/mentions`: messages that name oneself, the newest first. */

import { cards } from '../parts/cards.js';
import { empty } from '../parts/empty.js';
import { me } from '../session.js';
import { page } from '../shell.js';

/** @type {import('../router.js').Opener} */
export async function open() {
  const text = `Messages with @${me()?.username ?? 'your name'} in them stand here.`;
  const all = await cards({
    path: 'mentions',
    accepts: ({ mentions }) => mentions.some(({ id }) => id === me()?.id),
    label: 'Mentions',
    none: empty({ icon: 'mentions', title: 'Nobody has named you yet', text }),
  });
  return { title: 'Mentions', node: page('Mentions', all.node), focus: all.focus, close: all.close };
}
