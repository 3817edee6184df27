// @ts-check
/** Puts the app together: who is logged in, what is known, which page is shown. */

import { applyLook } from './choices.js';
import { announce } from './notify.js';
import { listen } from './keyboard.js';
import { model } from './model.js';
import { declare, stock, warm } from './routes.js';
import * as router from './router.js';
import { client } from './session.js';
import * as shell from './shell.js';

/** Waits before the server is asked again whether it is there, in milliseconds. */
const PAUSE = { first: 1_000, most: 15_000 };

/** Logged in: everything is read, and from there on heard. */
async function enter() {
  model.clear();
  const after = await model.load();
  // Whoever was here may have gone meanwhile, and another come.
  if (after !== null) client.start({ after });
}

/** Asks until there is an answer who is logged in. */
async function resume() {
  for (let pause = PAUSE.first; ; pause = Math.min(pause * 2, PAUSE.most)) {
    try {
      if (await client.resume()) await (entering ??= enter());
      return;
    } catch {
      entering = null;
      shell.waiting();
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

/** @type {Promise<void> | null} */
let entering = null;
let begun = false;

client.on('login', () => {
  entering = enter();
  // Whoever logs in by hand is shown what he asked for as soon as it is there; `resume` waits by itself.
  entering.then(() => begun && void router.open(), (error) => begun && shell.broken(error));
});
client.on('logout', ({ reason }) => {
  model.clear();
  // No page stands there yet.
  if (!begun) return;
  // What stands there is his who was here, and whatever is done on it would be done by whoever comes.
  router.replace(shell.nobody());
  // Who comes back after a session that ended goes on where he was; who logged out does not lead the next one there.
  if (reason === 'logged_out') router.go('/login', { replace: true });
  else if (reason !== 'another_user') void router.open();
});

applyLook();
declare();
warm(location.pathname);
model.begin();
announce();
listen();
await resume();
begun = true;
router.begin({
  shown: (page, place) => {
    shell.show(page, place);
    // Guests see a page or two.
    if (client.user) void stock();
  },
  entered: () => client.user !== null,
  missing: shell.missing,
  failed: shell.failed,
  going: shell.going,
});
