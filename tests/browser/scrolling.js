// How the web app bears ten thousand messages.
//
//   node tests/browser/scrolling.js path/to/goldcrest
//
// It needs `chromium` in the path and the package playwright-core where `require` finds it (NODE_PATH).
'use strict';

const assert = require('node:assert/strict');
const { Server, launch, run, until, visit } = require('./support');

/** Ten thousand messages: few are in the page, and nothing jumps. */
async function long(browser) {
  const { server, bob } = await Server.ofTwo('long');
  const group = await server.call('POST', 'conversations', bob, { kind: 'group', name: 'Long', members: ['alice'] });
  const MANY = 10_000;
  let count = 0;
  await Promise.all(Array.from({ length: 32 }, async () => {
    while (count < MANY) {
      const number = (count += 1);
      const code = number % 97 === 0 ? '\n```\nlet it = grow;\n```' : '';
      await server.send(bob, { conversation_id: group.id, text: `${number}: ${'weeds grow and grow. '.repeat(number % 7)}${code}` });
    }
  }));
  const tab = await visit(browser, server, 'alice', `/conversations/${group.id}`);
  await tab.waitForSelector('.window .message');
  await tab.click('.newest');
  await until('the newest', () => tab.evaluate((many) => Number(document.querySelector('.window').lastElementChild.dataset.key) === many, MANY));
  const measure = () => tab.evaluate(() => {
    globalThis.measured = { shift: 0, most: 0, drawn: 0 };
    let drawn = 0;
    new MutationObserver((changes) => {
      for (const { addedNodes } of changes) drawn += addedNodes.length;
    }).observe(document.querySelector('.window'), { childList: true });
    new PerformanceObserver((list) => {
      for (const { value } of list.getEntries()) measured.shift += value;
    }).observe({ type: 'layout-shift' });
    const count = () => {
      measured.drawn = Math.max(measured.drawn, drawn);
      drawn = 0;
      measured.most = Math.max(measured.most, document.querySelectorAll('.message, .entry').length);
      requestAnimationFrame(count);
    };
    requestAnimationFrame(count);
  });
  await measure();
  const first = () => tab.evaluate(() => Number(document.querySelector('.window').firstElementChild.dataset.key));
  const box = await tab.locator('.scroller').boundingBox();
  await tab.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  const away = async (what, far, act) => {
    const before = await first();
    await until(`${what} leads ${far} messages away`, async () => {
      await act();
      return Math.abs((await first()) - before) >= far;
    });
    const keys = await tab.evaluate(() => [...document.querySelector('.window').children].map((row) => Number(row.dataset.key)));
    assert.deepEqual(keys, keys.map((_, index) => (keys[0] < keys[1] ? keys[0] + index : keys[0] - index)), `${what}: none is left out`);
    const { shift, most, drawn } = await tab.evaluate(() => measured);
    assert(shift < 0.001, `${what} shifts by ${shift}`);
    // However slow the machine is: a frame that draws no more than that takes no 50 ms on any that people use.
    assert(drawn > 0 && drawn <= 16, `${what} draws ${drawn} messages in one frame`);
    assert(most < 400, `${most} messages are in the page`);
  };
  await away('the wheel upward', 1_000, () => tab.mouse.wheel(0, -900));
  await away('the wheel downward', 500, () => tab.mouse.wheel(0, 900));
  await away('a wheel that spins upward', 2_000, () => tab.mouse.wheel(0, -4_000));
  await tab.focus('.scroller');
  await away('Page Up', 500, () => tab.keyboard.press('PageUp'));
  await away('Page Down', 400, () => tab.keyboard.press('PageDown'));
  const report = async (where) => {
    const { shift, most, drawn } = await tab.evaluate(() => measured);
    console.log(`ok: ${MANY} messages ${where}: at most ${most} in the page, ${drawn} drawn in a frame, shifted by ${shift.toFixed(4)}`);
  };
  await report('in a conversation');
  await tab.goto('/');
  await tab.waitForSelector('.window .entry');
  await measure();
  await tab.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await away('the wheel downward', 1_000, () => tab.mouse.wheel(0, 900));
  await away('the wheel upward', 500, () => tab.mouse.wheel(0, -900));
  await away('a wheel that spins downward', 1_000, () => tab.mouse.wheel(0, 4_000));
  await report('in the stream');
  await tab.context().close();
}

run(async () => long(await launch()));
