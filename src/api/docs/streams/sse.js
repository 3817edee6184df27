// An EventSource sends no headers: a ticket stands for the token.
const headers = { authorization: `Bearer ${token}` };
const answer = await fetch('/api/v1/stream-tickets', { method: 'POST', headers });
const { ticket } = await answer.json();

const stream = new EventSource(`/stream?ticket=${ticket}`);
const hear = (type, then) => stream.addEventListener(type, ({ data }) => then(JSON.parse(data)));
hear('message.created', ({ data }) => console.log(data.author.username, data.text));
hear('reset', () => console.log('something was missed: read the lists again'));
hear('expired', () => stream.close());
