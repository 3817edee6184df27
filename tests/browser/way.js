// The way to a server, for tests that take it away: it counts what goes there, and can be blocked.
'use strict';

const net = require('node:net');
const { Server, afterwards } = require('./support');

/** What begins with each post of a message. */
const MESSAGES = /^POST \/api\/v1\/messages\b/;

/** The way to a server over TCP: it counts what goes there, and can be blocked. The server has to be told its `origin`. */
class Way {
  /** The connections that carry streams now, by what was asked for on them. */
  streams = new Map();
  /** What is done with requests whose first line this matches: `close` ends their connection, `hold` leaves them lying until
   * `release`, `late` does that with their answers, `mute` hands them on and swallows the answer. */
  blocked = { what: null, how: 'close' };
  #listener;
  #sockets = new Set();
  #held = [];

  /** One that leads nowhere before it is told `to` whom. */
  static async made() {
    const way = new Way();
    way.#listener = net.createServer((near) => way.#carry(near));
    await new Promise((resolve) => way.#listener.listen(0, '127.0.0.1', resolve));
    afterwards(() => way.#listener.close());
    way.origin = `http://127.0.0.1:${way.#listener.address().port}`;
    return way;
  }

  to(server) {
    this.server = server;
  }

  /** Ends every connection that there is. */
  cut() {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** How many requests are held. */
  get held() {
    return this.#held.length;
  }

  /** Blocks nothing any more, and hands on what was held. */
  release() {
    this.blocked = { what: null };
    for (const hand of this.#held.splice(0)) hand();
  }

  #carry(near) {
    const [host, port] = this.server.address.split(':');
    const far = net.connect(Number(port), host);
    let held = false;
    let mute = false;
    let late = false;
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#sockets.delete(socket);
        this.streams.delete(near);
        near.destroy();
        far.destroy();
      });
    }
    near.on('data', (bytes) => {
      const line = bytes.toString('latin1', 0, 200).split('\r\n', 1)[0];
      if (this.blocked.what?.test(line)) {
        const { how } = this.blocked;
        if (how === 'close') {
          near.destroy();
          return;
        }
        mute = how === 'mute';
        late = how === 'late';
        held = how === 'hold';
      }
      const [, stream] = line.match(/^GET \/(stream|ws)\b/) ?? [];
      if (stream) this.streams.set(near, stream);
      if (!held) far.write(bytes);
      else this.#held.push(() => {
        held = false;
        far.write(bytes);
      });
    });
    far.on('data', (bytes) => {
      if (mute) near.destroy();
      else if (!late) near.write(bytes);
      else this.#held.push(() => {
        late = false;
        near.write(bytes);
      });
    });
  }
}

/** A server that is reached by a way that knows what goes there. */
async function reached(name) {
  const way = await Way.made();
  const server = await Server.started(name, '--public-url', way.origin);
  way.to(server);
  return { way, server };
}

module.exports = { MESSAGES, Way, reached };
