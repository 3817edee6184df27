// @ts-check
/** Parts of a page of which one is shown, chosen by a row of tabs; the address keeps which. */

import { fill, h } from '../dom.js';

/** @typedef {{ name: string, label: string, open: () => { node: HTMLElement, close?: () => void } }} Tab */

/** @param {string} label @param {import('../router.js').Place} place @param {Tab[]} all */
export function tabs(label, place, all) {
  const panel = h('div.tab-panel', { role: 'tabpanel', id: 'tab-panel', tabindex: '-1' });
  /** @type {(() => void) | undefined} */
  let close;
  const buttons = all.map((tab) => h(
    'button',
    { type: 'button', role: 'tab', id: `tab-${tab.name}`, 'aria-controls': 'tab-panel', onclick: () => choose(tab) },
    tab.label,
  ));
  /** @param {Tab} tab */
  const choose = (tab) => {
    close?.();
    all.forEach((one, index) => {
      const button = /** @type {HTMLElement} */ (buttons[index]);
      button.setAttribute('aria-selected', String(one === tab));
      button.tabIndex = one === tab ? 0 : -1;
    });
    panel.setAttribute('aria-labelledby', `tab-${tab.name}`);
    const opened = tab.open();
    close = opened.close;
    fill(panel, [opened.node]);
    history.replaceState(history.state, '', tab === all[0] ? place.path : `${place.path}?part=${tab.name}`);
  };
  const row = h('div.tab-row', {
    role: 'tablist',
    'aria-label': label,
    onkeydown: (/** @type {KeyboardEvent} */ key) => {
      const at = buttons.indexOf(/** @type {HTMLElement} */ (document.activeElement));
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[key.key];
      if (to === undefined) return;
      key.preventDefault();
      const button = buttons[(to + buttons.length) % buttons.length];
      button?.focus();
      button?.click();
    },
  }, buttons);
  const first = all.find(({ name }) => name === place.query.get('part')) ?? all[0];
  if (first) choose(first);
  return { node: h('div', null, row, panel), close: () => close?.() };
}
