// Whether a page is sound, as far as a program can tell: by axe, and by its width.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');

const AXE = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
/** Where a picture of each page is left, if anywhere. */
const PICTURES = process.argv[3];

/** Nothing that axe knows is wrong with the page, and it is not wider than its window. */
async function isSound(tab, name) {
  await tab.waitForFunction(() => !document.querySelector('[aria-busy=true]') && !document.getAnimations().length);
  if (!(await tab.evaluate(() => 'axe' in globalThis))) await tab.evaluate(AXE);
  const violations = await tab.evaluate(async () => {
    const found = await globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'] });
    return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' ')}`);
  });
  assert.deepEqual(violations, [], name);
  assert(await tab.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name} is wider than its window`);
  if (PICTURES) await tab.screenshot({ path: path.join(PICTURES, `${name.replace(/\W+/g, '-')}.png`) });
}

module.exports = { isSound };
