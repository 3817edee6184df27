"""Listeners over the three transports that come back with their cursor, as clients do, until they are closed."""

import base64
import http.client
import json
import os
import socket
import struct
import threading
import time


class Ear:
    """What all three have in common: a thread, a cursor, and what was heard."""

    name = ""

    def __init__(self, address, token, cursor):
        (self.address, self.token, self.cursor) = (address, token, cursor)
        (self.heard, self.farewells, self.error, self.closed) = ([], 0, None, threading.Event())
        # Half of what a stream that ended without a word makes a client wait.
        self.pause = 0.5
        self.socket = None
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self):
        while not self.closed.is_set():
            try:
                self._once()
            except (OSError, http.client.HTTPException):
                # As a client it tries again, whatever it was.
                pass
            except Exception as error:  # pylint: disable=broad-except
                self.error = error
                return
            self.closed.wait(self.pause)

    def _hear(self, frame):
        """An event, or what a stream says of itself."""
        kind = frame["type"]
        assert kind not in ("reset", "expired"), frame
        if kind == "bye":
            self.farewells += 1
            self.pause = frame["retry"] / 1000
        if "seq" in frame:
            assert frame["seq"] > self.cursor, f"{frame['seq']} behind {self.cursor}"
            self.cursor = frame["seq"]
            if kind == "message.created":
                self.heard.append(frame["data"]["text"])

    def _headers(self):
        return {"Authorization": f"Bearer {self.token}"}

    def close(self):
        self.closed.set()
        if self.socket:
            try:
                self.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.thread.join(timeout=30)


class Sse(Ear):
    name = "sse"

    def _once(self):
        connection = http.client.HTTPConnection(*self.address, timeout=30)
        connection.request("GET", f"/stream?after={self.cursor}", headers=self._headers() | {"Accept": "text/event-stream"})
        self.socket = connection.sock
        answer = connection.getresponse()
        if answer.status != 200:
            # Nobody was there, as the proxy says: as good as no answer.
            assert answer.status in (502, 503), answer.status
            return
        data = []
        while line := answer.readline().decode():
            line = line.rstrip("\n")
            if line.startswith("retry: "):
                self.pause = int(line[7:]) / 1000
            elif line.startswith("data: "):
                data.append(line[6:])
            elif not line and data:
                self._hear(json.loads("\n".join(data)))
                data = []


class WebSocket(Ear):
    name = "websocket"

    def _once(self):
        self.socket = plain = socket.create_connection(self.address, timeout=30)
        key = base64.b64encode(os.urandom(16)).decode()
        plain.sendall((
            f"GET /ws?after={self.cursor} HTTP/1.1\r\nHost: {self.address[0]}:{self.address[1]}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: goldcrest.v1\r\nAuthorization: Bearer {self.token}\r\n\r\n").encode())
        stream = plain.makefile("rb")
        status = stream.readline().decode()
        if " 101 " not in status:
            assert status == "" or " 502 " in status or " 503 " in status, status
            return
        while stream.readline() not in (b"\r\n", b""):
            pass
        while True:
            head = stream.read(2)
            if len(head) < 2:
                return
            (opcode, length) = (head[0] & 15, head[1] & 127)
            if length == 126:
                (length,) = struct.unpack(">H", stream.read(2))
            elif length == 127:
                (length,) = struct.unpack(">Q", stream.read(8))
            payload = stream.read(length)
            if opcode == 1:
                self._hear(json.loads(payload))
            elif opcode == 9:
                mask = os.urandom(4)
                masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
                plain.sendall(bytes([0x8A, 0x80 | len(payload)]) + mask + masked)
            elif opcode == 8:
                return


class Poller(Ear):
    name = "polling"

    def _once(self):
        connection = http.client.HTTPConnection(*self.address, timeout=60)
        while not self.closed.is_set():
            connection.request("GET", f"/api/v1/events?after={self.cursor}&wait=5", headers=self._headers())
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                assert answer.status in (502, 503), answer.status
                self.farewells += 1
                return
            told = json.loads(body)
            for event in told["events"]:
                self._hear(event)
            self.cursor = max(self.cursor, told["next"])
            # A client of a busy server collects what there is.
            time.sleep(0.2)


EARS = (Sse, WebSocket, Poller)
