// Does all that people do in the web app with the keyboard alone. No mouse is moved, and nothing is focused but by keys.
//
//   node tests/browser/keyboard.js path/to/goldcrest
//
// It needs `chromium` in the path and the package playwright-core where `require` finds it (NODE_PATH).
'use strict';

const assert = require('node:assert/strict');
const { PASSWORD, Server, launch, open, run, says, until } = require('./support');


/** Presses keys one after the other. */
async function press(tab, ...keys) {
  for (const key of keys) await tab.keyboard.press(key);
}

/** What has the focus, in a few words. */
const focused = (tab) => tab.evaluate(() => {
  const { activeElement: one } = document;
  return one ? `${one.localName}.${one.className} ${(one.getAttribute('aria-label') ?? one.textContent ?? '').slice(0, 40)}` : 'nothing';
});

/** The focus can be seen. */
async function isSeen(tab) {
  const seen = await tab.evaluate(() => {
    const one = document.activeElement;
    if (!one || one === document.body) return true;
    const box = one.getBoundingClientRect();
    if (!box.width || !box.height || box.bottom < 0 || box.top > innerHeight || box.right < 0 || box.left > innerWidth) return false;
    const around = [one, one.closest('.composer, .picker-frame'), one.querySelector(':scope .bubble, :scope .entry-box')];
    const outlined = around.some((part) => part && getComputedStyle(part).outlineStyle !== 'none' && getComputedStyle(part).outlineWidth !== '0px');
    // The chosen line of a menu has another ground, and a heading is where one begins to read.
    return outlined || Boolean(one.closest('[role=menu]')) || one.matches('h1, main');
  });
  assert(seen, `the focus cannot be seen: ${await focused(tab)}`);
}

/** Goes on with Tab until what is named has the focus. */
async function reach(tab, selector, { back = false, most = 120 } = {}) {
  await tab.waitForSelector(selector);
  for (let count = 0; count < most; count += 1) {
    if (await tab.evaluate((selector) => document.activeElement?.matches(selector), selector)) return;
    await press(tab, back ? 'Shift+Tab' : 'Tab');
    await isSeen(tab);
  }
  assert.fail(`${selector} cannot be reached; the focus is at ${await focused(tab)}`);
}

/** The same by what stands on it. */
async function reachText(tab, text, within = 'body') {
  for (let count = 0; count < 120; count += 1) {
    const there = await tab.evaluate(([text, within]) => {
      const one = document.activeElement;
      return Boolean(one?.closest(within)) && one.matches('a, button, summary, input') && (one.textContent.trim() === text || one.getAttribute('aria-label') === text);
    }, [text, within]);
    if (there) return;
    await press(tab, 'Tab');
    await isSeen(tab);
  }
  assert.fail(`${text} cannot be reached; the focus is at ${await focused(tab)}`);
}

const isAt = (tab, selector, what) => until(what, () => tab.evaluate((selector) => document.activeElement?.matches(selector), selector));

/** Chooses a line of the menu that is open. */
async function choose(tab, label) {
  await tab.waitForSelector('[role=menu]');
  for (let count = 0; count < 12; count += 1) {
    if (await tab.evaluate((label) => document.activeElement?.textContent.trim() === label, label)) return press(tab, 'Enter');
    await press(tab, 'ArrowDown');
  }
  return assert.fail(`the menu has no ${label}`);
}

const bubbles = (tab) => tab.evaluate(() => [...document.querySelectorAll('.window .text')].map((one) => one.textContent));

/** Gives a name and a password where a form asks for them. */
async function enter(tab, username, what) {
  await isAt(tab, '[name=username]', what);
  await tab.keyboard.type(username);
  await press(tab, 'Tab');
  await tab.keyboard.type(PASSWORD);
  await press(tab, 'Enter');
  await tab.waitForSelector('.shell');
}

async function accounts(tab) {
  await tab.goto('/login');
  await reachText(tab, 'Make an account');
  await press(tab, 'Enter');
  await enter(tab, 'alice', 'a form begins at its first field');
  await reach(tab, '.account');
  await press(tab, 'Enter');
  await press(tab, 'Escape');
  await isAt(tab, '.account', 'a menu gives the focus back');
  await press(tab, 'Enter');
  await choose(tab, 'Log out');
  await tab.waitForURL('**/login');
  await enter(tab, 'alice', 'at the login too');
  console.log('ok: registering, logging out and in');
}

async function talking(tab, server, bob) {
  await reach(tab, '[href="/new"]');
  await press(tab, 'Enter');
  await isAt(tab, '.picker-box', 'one is asked to whom');
  await tab.keyboard.type('bo');
  await tab.waitForSelector('[role=option]');
  await press(tab, 'Enter');
  await tab.keyboard.type('carol,');
  await tab.waitForFunction(() => document.querySelectorAll('.chip').length === 2);
  await press(tab, 'Tab');
  await reach(tab, '.compose-text');
  await tab.keyboard.type('to both of you');
  await press(tab, 'Enter');
  await tab.waitForURL('**/conversations/*');
  await isAt(tab, '.compose-text', 'one goes on writing');
  await tab.waitForFunction(() => document.querySelector('.window .text')?.textContent === 'to both of you');
  await tab.keyboard.type('and mre');
  await press(tab, 'Enter');
  await until('it is sent', async () => (await bubbles(tab)).at(-1) === 'and mre');
  await press(tab, 'ArrowUp', 'Backspace', 'Backspace');
  await tab.keyboard.type('ore');
  await press(tab, 'Enter');
  await until('it is edited', async () => (await bubbles(tab)).at(-1) === 'and more (edited)');
  console.log('ok: a message to several, sending, editing');

  const id = Number(tab.url().split('/').at(-1));
  await server.call('POST', 'messages', bob, { conversation_id: id, text: 'from bob' });
  await until('it comes', async () => (await bubbles(tab)).at(-1) === 'from bob');
  await reach(tab, '.scroller', { back: true });
  await press(tab, 'ArrowUp');
  await isAt(tab, '.message', 'arrows lead into the messages');
  await isSeen(tab);
  await press(tab, 'Enter');
  await tab.waitForSelector('[role=menu]');
  await press(tab, 'Escape');
  await until('the focus is back at the message', () => tab.evaluate(() => Boolean(document.activeElement?.closest('.message'))));
  if (!(await tab.evaluate(() => document.activeElement.matches('.message')))) await press(tab, 'ArrowDown', 'ArrowUp');
  await reachRow(tab, 'from bob');
  await press(tab, 'r');
  await isAt(tab, '.compose-text', 'an answer is written at once');
  await tab.keyboard.type('my answer');
  await press(tab, 'Enter');
  await until('it is there', async () => (await bubbles(tab)).at(-1) === 'my answer');
  await reach(tab, '.scroller', { back: true });
  await reachRow(tab, 'my answer');
  await press(tab, 't');
  await tab.waitForURL('**/threads/*');
  await isAt(tab, '.compose-text', 'in the thread, too');
  await tab.keyboard.type('another answer');
  await press(tab, 'Enter');
  await until('it is there', async () => (await bubbles(tab)).at(-1) === 'another answer');
  await reach(tab, '.back', { back: true });
  await press(tab, 'Enter');
  await tab.waitForURL('**/threads');
  await reach(tab, '.thread-title');
  await press(tab, 'Enter');
  await tab.waitForURL('**/threads/*');
  await reachRow(tab, 'another answer');
  await press(tab, 'Delete');
  await tab.waitForSelector('dialog[open]');
  assert.match(await focused(tab), /Cancel/, 'what cannot be undone is not what Enter does');
  await press(tab, 'Escape');
  await until('the focus is back at the message', () => tab.evaluate(() => document.activeElement?.matches('.message')));
  await press(tab, 'Delete');
  await tab.waitForSelector('dialog[open]');
  await press(tab, 'Tab', 'Enter');
  await until('it is deleted', async () => (await bubbles(tab)).at(-1) === 'This message was deleted.');
  await until('the focus stays there', () => tab.evaluate(() => Boolean(document.activeElement?.closest('.message'))));
  console.log('ok: replying, a thread, deleting');
}

/** From the list to a message, by arrows. */
async function reachRow(tab, text) {
  const at = () => tab.evaluate(() => document.activeElement?.matches('.message') && document.activeElement.querySelector('.text')?.textContent);
  if (!(await at())) {
    await reach(tab, '.scroller', { back: true });
    await press(tab, 'ArrowUp');
  }
  for (let count = 0; count < 20 && (await at()) !== text; count += 1) await press(tab, 'ArrowUp');
  for (let count = 0; count < 20 && (await at()) !== text; count += 1) await press(tab, 'ArrowDown');
  assert.equal(await at(), text);
  await isSeen(tab);
}

async function gathering(tab) {
  await reach(tab, '[href="/new"]');
  await press(tab, 'Enter');
  await reach(tab, '[href="/groups/new"]', { back: true });
  await press(tab, 'Enter');
  await isAt(tab, '[name=name]', 'a group begins with its name');
  await tab.keyboard.type('Yard');
  await press(tab, 'Tab');
  await tab.keyboard.type('bob');
  await press(tab, 'Enter');
  await tab.waitForSelector('.chip');
  await reachText(tab, 'Make the group');
  await press(tab, 'Enter');
  await tab.waitForURL('**/conversations/*');
  await until('it is called so', async () => (await tab.innerText('h1')) === 'Yard');
  await reach(tab, '[href="/channels"]');
  await press(tab, 'Enter');
  await tab.waitForURL('**/channels');
  await says(tab, 'News');
  await reachText(tab, 'Join', 'main');
  await press(tab, 'Enter');
  await tab.waitForURL('**/conversations/*');
  await until('it is called so', async () => (await tab.innerText('h1')) === '#News');
  await reach(tab, '[href="/channels"]');
  await press(tab, 'Enter');
  await reachText(tab, 'New channel', 'main');
  await press(tab, 'Enter');
  await isAt(tab, 'dialog [name=name]', 'the dialog begins at its first field');
  const before = await focused(tab);
  for (let count = 0; count < 12; count += 1) {
    await press(tab, 'Tab');
    assert(await tab.evaluate(() => document.activeElement === document.body || Boolean(document.activeElement.closest('dialog'))), 'what is asked is answered first');
  }
  assert(before);
  await press(tab, 'Escape');
  await until('the dialog gives the focus back', async () => /New channel/.test(await focused(tab)));
  console.log('ok: a group, a channel, a dialog');
}

async function people(tab, server, bob) {
  await server.call('POST', 'contacts', bob, { username: 'alice' });
  await reach(tab, '[href="/contacts"]');
  await press(tab, 'Enter');
  await tab.waitForURL('**/contacts');
  await says(tab, 'Waiting for your answer');
  await reachText(tab, 'Approve', 'main');
  await press(tab, 'Enter');
  await says(tab, 'bob may write to you.');
  await until('the focus stays on the page', () => tab.evaluate(() => Boolean(document.activeElement?.closest('main'))));
  await reach(tab, 'main a[href="/user/bob"]');
  await press(tab, 'Enter');
  await tab.waitForURL('**/user/bob');
  await tab.waitForSelector('main [aria-label=More]');
  await reachText(tab, 'More', 'main');
  await press(tab, 'ArrowDown');
  await choose(tab, 'Block');
  await tab.waitForSelector('dialog[open]');
  await press(tab, 'Tab', 'Enter');
  await says(tab, 'You have blocked bob.');
  await until('the focus stays on the page', () => tab.evaluate(() => Boolean(document.activeElement?.closest('main'))));
  await reachText(tab, 'More', 'main');
  await press(tab, 'Enter');
  await choose(tab, 'Unblock');
  await tab.waitForFunction(() => !document.querySelector('main').innerText.includes('You have blocked'));
  console.log('ok: contacts and blocks');
}

async function settings(tab, server) {
  await reach(tab, '.account');
  await press(tab, 'Enter');
  await choose(tab, 'Settings');
  await tab.waitForURL('**/settings');
  await tab.waitForSelector('textarea');
  await reach(tab, 'textarea');
  await tab.keyboard.type('I am here.');
  await press(tab, 'Tab', 'Enter');
  await says(tab, 'Saved.');
  await reach(tab, 'input[value=everyone]');
  await press(tab, 'ArrowDown');
  await until('it is set', async () => (await server.call('GET', 'me', await server.logIn('alice'))).bio_visible === 'contacts');
  await reach(tab, '[role=switch]');
  await press(tab, 'Space');
  await until('that too', async () => (await server.call('GET', 'me', await server.logIn('alice'))).show_presence === false);
  await reachText(tab, 'Change it', 'main');
  await press(tab, 'Enter');
  await reach(tab, '[name=current_password]');
  await press(tab, 'Enter');
  await isAt(tab, '[aria-invalid=true]', 'the focus goes where something is wrong');
  await reach(tab, '[href="/settings/devices"]', { back: true });
  await press(tab, 'Enter');
  await tab.waitForURL('**/settings/devices');
  await says(tab, 'This device');
  const devices = await tab.locator('main li').count();
  await reachText(tab, 'Log out', 'main li');
  await press(tab, 'Enter');
  await tab.waitForFunction((count) => document.querySelectorAll('main li').length === count, devices - 1);
  await until('the focus stays on the page', () => tab.evaluate(() => Boolean(document.activeElement?.closest('main'))));
  await reach(tab, '.back', { back: true });
  await press(tab, 'Enter');
  await reach(tab, '[href="/settings/keys"]');
  await press(tab, 'Enter');
  await reachText(tab, 'New key', 'main');
  await press(tab, 'Enter');
  await isAt(tab, 'dialog [name=name]', 'the dialog begins at its first field');
  await tab.keyboard.type('robot');
  await press(tab, 'Enter');
  await isAt(tab, '.copyable input', 'the key is selected');
  await press(tab, 'Escape');
  await until('the dialog gives the focus back', async () => /New key/.test(await focused(tab)));
  await says(tab, 'robot');
  await reachText(tab, 'Revoke', 'main');
  await press(tab, 'Enter');
  await tab.waitForSelector('dialog[open]');
  await press(tab, 'Tab', 'Enter');
  await says(tab, 'No API keys');
  await until('the focus stays on the page', () => tab.evaluate(() => Boolean(document.activeElement?.closest('main'))));
  console.log('ok: settings, devices, keys');
}

async function administration(tab) {
  await tab.goto('/login');
  await enter(tab, 'root', 'at the login');
  await reach(tab, '.account');
  await press(tab, 'Enter');
  await choose(tab, 'Administration');
  await tab.waitForURL('**/admin');
  await says(tab, 'carol');
  await reach(tab, '[role=tab]');
  await press(tab, 'Tab');
  await reach(tab, 'main input[type=search]');
  await tab.keyboard.type('carol');
  await tab.waitForFunction(() => document.querySelectorAll('main li').length === 1);
  await reachText(tab, 'Suspend', 'main');
  await press(tab, 'Enter');
  await tab.waitForSelector('dialog[open]');
  await press(tab, 'Tab', 'Enter');
  await says(tab, 'Let in again');
  await until('the focus stays on the page', () => tab.evaluate(() => Boolean(document.activeElement?.closest('main'))));
  await reach(tab, '[role=tab]', { back: true });
  await press(tab, 'ArrowRight');
  await tab.waitForURL('**part=invitations');
  await reachText(tab, 'Invite', 'main');
  await press(tab, 'Enter');
  await isAt(tab, 'dialog [name=name]', 'the dialog begins at its first field');
  await press(tab, 'Enter');
  await isAt(tab, '.copyable input', 'the link is selected');
  await press(tab, 'Escape');
  await until('the dialog gives the focus back', async () => /Invite/.test(await focused(tab)));
  await says(tab, 'Withdraw');
  await reach(tab, '[role=tab][aria-selected=true]', { back: true });
  await press(tab, 'ArrowRight');
  await says(tab, 'Messages…');
  await reachText(tab, 'Messages…', 'main');
  await press(tab, 'Enter');
  await tab.waitForSelector('dialog [type=checkbox]');
  await reach(tab, 'dialog [type=checkbox]');
  await press(tab, 'Space');
  await reachText(tab, 'Delete 1 for all', 'dialog');
  await press(tab, 'Enter');
  await tab.waitForFunction(() => document.querySelectorAll('dialog[open]').length === 2);
  await press(tab, 'Tab', 'Enter');
  await says(tab, 'One message was deleted.');
  await press(tab, 'Escape');
  await until('the dialog gives the focus back', async () => /Messages/.test(await focused(tab)));
  console.log('ok: administration');
}

/** Tab goes through the whole page and comes around again: nothing holds the focus. */
async function nothingTraps(tab) {
  for (const address of ['/', '/conversations/1', '/threads', '/search', '/new', '/settings', '/contacts', '/channels']) {
    await tab.goto(address);
    await tab.waitForSelector('.shell .page-head');
    for (const key of ['Tab', 'Shift+Tab']) {
      await reach(tab, '.skip', { back: key === 'Shift+Tab' });
      await press(tab, key);
      await reach(tab, '.skip', { back: key === 'Shift+Tab' });
    }
  }
  await press(tab, 'Enter');
  await isAt(tab, 'main', 'over what stands on every page');
  console.log('ok: nothing holds the focus');
}

run(async () => {
  const browser = await launch();
  const server = await Server.started();
  server.administrator('root');
  const bob = await server.register('bob');
  await server.register('carol');
  const channel = await server.call('POST', 'conversations', bob, { kind: 'channel', name: 'News' });
  await server.call('POST', 'messages', bob, { conversation_id: channel.id, text: 'to be deleted' });
  const tab = await open(browser, server.origin);
  await accounts(tab);
  await talking(tab, server, bob);
  await gathering(tab);
  await people(tab, server, bob);
  await settings(tab, server);
  await nothingTraps(tab);
  await administration(await open(browser, server.origin));
});
