// Two people talk in the web app while the server is killed, restarted, and put back to an older copy between them.
//
//   node tests/browser/talk.js path/to/goldcrest
//
// It needs `chromium` in the path and the package playwright-core where `require` finds it (NODE_PATH). It ends with 0 if both
// pages show every message exactly once, in order.
'use strict';

const assert = require('node:assert/strict');
const { Server, conversation, launch, logIn, open, run } = require('./support');

run(async () => {
  const { server } = await Server.ofTwo();
  const browser = await launch();
  const enter = async (username, size) => {
    const tab = await open(browser, server.origin, size);
    await logIn(tab, username);
    return tab;
  };
  const alice = await enter('alice');
  // In a window as narrow as a phone, but with keys: on glass, Enter begins a line.
  const bob = await enter('bob', { width: 390, height: 844, touch: false });

  const { sent, write, show } = conversation({ alice, bob });

  await alice.goto('/new');
  await write(alice, '@bob hello');
  sent[0] = 'hello';
  await alice.waitForURL('**/conversations/*');
  await bob.goto('/conversations');
  await bob.click('.conversation');
  await show('a leading row of names');

  await write(bob, 'hello yourself');
  await show('what is sent is heard by the other');
  await write(alice, '<script>alert(1)</script><img src=x onerror=alert(2)> & `code`');
  sent[2] = sent[2].replaceAll('`', '');
  await show('markup is text');
  assert.equal(await bob.locator('.text img, .text script').count(), 0);
  assert.equal(await bob.locator('.text code').textContent(), 'code');

  await server.end('SIGKILL');
  for (let number = 1; number <= 3; number += 1) await write(alice, `written while the server was away, ${number}`);
  assert.equal(await alice.locator('.pending').count(), 3, 'what waits is shown');
  await server.start();
  await show('a server that was killed, and messages written meanwhile');

  // In the middle of sending.
  for (let number = 1; number <= 10; number += 1) {
    await write(alice, `one after the other, ${number}`);
    if (number === 5) await server.end('SIGKILL');
  }
  await server.start();
  await show('a server that was killed while messages were sent');
  await write(bob, 'and back');
  await show('what is sent after that');

  await alice.press('.compose-text', 'ArrowUp');
  await alice.fill('.compose-text', 'edited');
  await alice.press('.compose-text', 'Enter');
  sent[sent.length - 2] = 'edited (edited)';
  await show('what is edited');

  const reply = bob.locator('.message', { hasText: 'edited' });
  await reply.focus();
  await bob.keyboard.press('r');
  await write(bob, 'a reply');
  await show('a reply');
  await alice.click('.message:last-child .reply-to');
  await alice.waitForSelector('.thread-root');
  assert.deepEqual(await alice.evaluate(() => [...document.querySelectorAll('.window .text')].map((one) => one.textContent)), ['a reply'], 'the thread');
  await alice.goBack();

  await bob.locator('.message', { hasText: 'a reply' }).focus();
  await bob.keyboard.press('Delete');
  await bob.click('dialog .danger');
  sent[sent.length - 1] = 'This message was deleted.';
  await show('what is deleted');

  await alice.fill('.compose-text', 'half a thought');
  await alice.reload();
  await bob.reload();
  await show('pages that are loaded again');
  assert.equal(await alice.inputValue('.compose-text'), 'half a thought', 'what was begun');
  await alice.fill('.compose-text', '');

  await server.end('SIGTERM');
  server.copy();
  await server.start();
  const before = [...sent];
  for (let number = 1; number <= 10; number += 1) await write(number % 2 ? alice : bob, `soon forgotten, ${number}`);
  sent.splice(0, sent.length, ...before);
  await alice.waitForFunction((count) => document.querySelectorAll('.message:not(.pending)').length === count, before.length + 10);
  await bob.waitForFunction((count) => document.querySelectorAll('.message:not(.pending)').length === count, before.length + 10);
  await server.end('SIGKILL');
  server.restore();
  await server.start();
  await show('an older copy of the data: the pages begin anew');
  await write(alice, 'onward');
  await show('what is sent after that');
});
