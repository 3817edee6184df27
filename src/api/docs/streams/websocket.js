const socket = new WebSocket('ws://127.0.0.1:8080/ws', 'goldcrest.v1');
const say = (frame) => socket.send(JSON.stringify(frame));
socket.onopen = () => say({ op: 'auth', ref: 1, token, after: 0 });
socket.onmessage = ({ data }) => {
  const frame = JSON.parse(data);
  if (frame.type === 'ready') say({ op: 'send', ref: 2, to: ['bob'], text: 'hello' });
  if (frame.type === 'reply' && !frame.ok) console.log(frame.error.code, frame.error.detail);
  if (frame.type === 'message.created') console.log(frame.data.author.username, frame.data.text);
};
socket.onclose = ({ code, reason }) => console.log(code, reason);
