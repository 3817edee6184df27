// @ts-check
/** What stands for a conversation: the other's face, or a sign. */

import { model } from '../model.js';
import { me } from '../session.js';
import { avatar, emblem } from './avatar.js';

/** @typedef {import('../model.js').Conversation} Conversation */

/** All but oneself. @param {Pick<Conversation, 'members'>} conversation */
export const othersOf = ({ members }) => (members ?? []).map(({ user }) => user).filter(({ id }) => id !== me()?.id);

/** @param {Conversation} conversation */
export function face(conversation) {
  const others = othersOf(conversation);
  const [other] = others;
  if (conversation.kind === 'channel') return emblem(model.title(conversation), 'channels');
  if (conversation.kind === 'group' || others.length > 1) return emblem(model.title(conversation), 'group');
  return other ? avatar(other, { online: model.isOnline(other.username) }) : emblem('notes', 'write');
}
