// @ts-check
/** What is chosen for this browser alone: its look, notifications, the number in the title. */

const KEPT = { look: 'goldcrest:look', notify: 'goldcrest:notify', badge: 'goldcrest:badge' };
const COLOURS = { light: '#fbfaf7', dark: '#16171a' };

/** @typedef {'light' | 'dark' | 'system'} Look */

/** @param {string} name */
function read(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

/** @param {string} name @param {string | null} value */
function keep(name, value) {
  try {
    if (value === null) localStorage.removeItem(name);
    else localStorage.setItem(name, value);
  } catch {
    // It is chosen until the page is closed.
  }
}

/** @returns {Look} */
export function look() {
  const kept = read(KEPT.look);
  return kept === 'light' || kept === 'dark' ? kept : 'system';
}

/** @param {Look} wanted */
export function setLook(wanted) {
  keep(KEPT.look, wanted === 'system' ? null : wanted);
  applyLook(wanted);
}

/** @param {Look} [wanted] */
export function applyLook(wanted = look()) {
  if (wanted === 'system') delete document.documentElement.dataset.look;
  else document.documentElement.dataset.look = wanted;
  for (const meta of document.querySelectorAll('meta[name=theme-color]')) {
    const own = meta.getAttribute('media')?.includes('dark') ? 'dark' : 'light';
    meta.setAttribute('content', COLOURS[wanted === 'system' ? own : wanted]);
  }
}

/** Whether new messages are announced when nobody looks. */
export const notifies = () => read(KEPT.notify) === 'on' && globalThis.Notification?.permission === 'granted';

/** Asks the browser, if need be. @param {boolean} wanted @returns {Promise<boolean>} whether it is so now */
export async function setNotifies(wanted) {
  keep(KEPT.notify, wanted ? 'on' : null);
  if (!wanted || !('Notification' in globalThis)) return false;
  if (Notification.permission === 'default') await Notification.requestPermission();
  return notifies();
}

/** Whether the title of the window counts what is unread. */
export const badges = () => read(KEPT.badge) !== 'off';

/** @param {boolean} wanted */
export const setBadges = (wanted) => keep(KEPT.badge, wanted ? null : 'off');

// What is chosen in one tab holds in all.
addEventListener('storage', (change) => {
  if (change.key === KEPT.look) applyLook();
});
