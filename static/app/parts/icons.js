// @ts-check
/** The drawings on buttons: lines on a square of 24. They say nothing to screen readers; the button does. */

import { svg } from '../dom.js';

/** @type {Record<string, string>} */
const LINES = {
  all: 'M4 6h16M4 12h16M4 18h10',
  chats: 'M4 5h16v11H9l-5 4z',
  threads: 'M5 5h14v7H8l-3 3zM9 16h10v4',
  mentions: 'M16 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0zm0 0v1.5a2.5 2.5 0 0 0 5 0V12a9 9 0 1 0-4 7.5',
  channels: 'M9 4 7 20M17 4l-2 16M4 9h17M3 15h17',
  contacts: 'M15.5 8a3.5 3.5 0 1 1-7 0 3.5 3.5 0 0 1 7 0zM5 20c.6-4 3.4-6 7-6s6.4 2 7 6',
  search: 'M17 10.5a6.5 6.5 0 1 1-13 0 6.5 6.5 0 0 1 13 0zM15.5 15.5 21 21',
  write: 'M4 20h4L19 9l-4-4L4 16zM13 7l4 4',
  settings: 'M4 7h9M17 7h3M4 17h3M11 17h9M17 7a2 2 0 1 1-4 0 2 2 0 0 1 4 0zM11 17a2 2 0 1 1-4 0 2 2 0 0 1 4 0z',
  devices: 'M3 5h12v9H3zM6 18h6M9 14v4M17 9h4v10h-4z',
  keys: 'M13 11a4 4 0 1 1-8 0 4 4 0 0 1 8 0zM13 11h8v3M17 11v3',
  blocks: 'M20 12a8 8 0 1 1-16 0 8 8 0 0 1 16 0zM6.5 6.5l11 11',
  admin: 'M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6z',
  back: 'M15 5l-7 7 7 7',
  close: 'M6 6l12 12M18 6 6 18',
  more: 'M6.5 12a1 1 0 1 1-2 0 1 1 0 0 1 2 0zM13 12a1 1 0 1 1-2 0 1 1 0 0 1 2 0zM19.5 12a1 1 0 1 1-2 0 1 1 0 0 1 2 0z',
  check: 'M5 12.5l5 5 9-11',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  plus: 'M12 5v14M5 12h14',
  send: 'M4 12 20 4l-5 16-4-7zM11 13l9-9',
  trash: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13',
  reply: 'M9 7 4 12l5 5M4 12h9c4 0 6 2 7 6',
  edit: 'M4 20h4L19 9l-4-4L4 16z',
  leave: 'M14 4H5v16h9M10 12h11M17 8l4 4-4 4',
  download: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  warning: 'M12 4 2.5 20h19zM12 10v4M12 17h.01',
  down: 'M6 9l6 6 6-6',
  up: 'M6 15l6-6 6 6',
  eye: 'M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM15 12a3 3 0 1 1-6 0 3 3 0 0 1 6 0z',
  group: 'M11.5 9a3 3 0 1 1-6 0 3 3 0 0 1 6 0zM3 19c.4-3.3 2.5-5 5.5-5s5.1 1.7 5.5 5M15.5 6.2a3 3 0 0 1 0 5.6M17.5 14.5c2 .6 3.2 2.1 3.5 4.5',
  info: 'M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0zM12 11v5M12 8h.01',
};

/** @param {keyof typeof LINES | string} name */
export function icon(name) {
  return svg(
    'svg',
    { class: 'icon', viewBox: '0 0 24 24', 'aria-hidden': 'true', focusable: 'false' },
    svg('path', { d: LINES[name] ?? '' }),
  );
}

/** The bird: round, small, with a golden stripe on its crown. @param {string} [name] the class */
export function bird(name = 'bird') {
  return svg(
    'svg',
    { class: name, viewBox: '0 0 48 48', 'aria-hidden': 'true', focusable: 'false' },
    svg('path', { class: 'bird-tail', d: 'M8 33 1.5 38.5 10.5 37.5z' }),
    svg('circle', { class: 'bird-body', cx: '25', cy: '26', r: '17' }),
    svg('path', { class: 'bird-belly', d: 'M12.5 34.5c7 2.5 17-1 21.5-9.5l7.2 6A17 17 0 0 1 12.5 34.5z' }),
    svg('path', { class: 'bird-brow', d: 'M15.2 12.1c7.8-1.6 16.8-.6 23.4 3.7l-1.5 2.6c-6-4.3-14.6-5-24-4.2z' }),
    svg('path', { class: 'bird-crown', d: 'M15.6 12A13.4 11 0 0 1 38 15.2C31.5 11.4 23 10.4 15.6 12z' }),
    svg('path', { class: 'bird-wing', d: 'M11.5 24.5c6.5-1.5 12.5 1.5 14 8-6 2.5-11.5 1-14.2-3.5z' }),
    svg('path', { class: 'bird-beak', d: 'M41.6 22.3 47 24.6l-5.2 1.7z' }),
    svg('circle', { class: 'bird-eye', cx: '35.5', cy: '21.5', r: '2.4' }),
    svg('circle', { class: 'bird-glint', cx: '36.3', cy: '20.7', r: '.8' }),
  );
}
