// @ts-check
/** How the app looks and speaks up, in this browser. */

import * as choices from '../choices.js';
import { choice, section, toggle } from '../parts/section.js';
import { toast } from '../parts/toast.js';
import { retitle } from '../shell.js';

export function look() {
  const able = 'Notification' in globalThis;
  return section('This browser', [
    choice({
      label: 'Look', value: choices.look(), options: [['system', 'As the system'], ['light', 'Light'], ['dark', 'Dark']],
      set: (wanted) => choices.setLook(wanted),
    }),
    toggle({
      label: 'Notifications', value: choices.notifies(),
      hint: able ? 'When a message comes while this window is hidden. In channels, only when somebody mentions you.' : 'This browser has none, or allows them only over https.',
      set: async (wanted) => {
        const now = await choices.setNotifies(wanted);
        if (wanted && !now) toast('The browser does not allow it. Its settings for this page can.', { kind: 'bad' });
        return now;
      },
    }),
    toggle({
      label: 'Count in the title', hint: 'The window’s title says how many messages are unread.', value: choices.badges(),
      set: (wanted) => {
        choices.setBadges(wanted);
        retitle();
      },
    }),
  ]);
}
