const headers = { authorization: `Bearer ${token}` };
let next = 0;
for (;;) {
  const answer = await fetch(`http://127.0.0.1:8080/api/v1/events?after=${next}&wait=25`, { headers });
  if (!answer.ok) break; // a problem document says why
  const polled = await answer.json();
  for (const event of polled.events) console.log(event.type, event.data);
  next = polled.next;
}
