"""A mail server that delivers nothing: it prints each letter as one line of JSON, after a first line with its port.

Given a number, it puts off so many letters with 451 before it takes the first. Given a second one, it takes so many
seconds over each letter.
"""

import asyncio
import email
import email.policy
import json
import sys

from aiosmtpd.smtp import SMTP


class Catcher:
    def __init__(self, put_off, seconds):
        self.put_off = put_off
        self.seconds = seconds

    async def handle_DATA(self, server, session, envelope):
        if self.put_off > 0:
            self.put_off -= 1
            say({"put_off": envelope.rcpt_tos})
            return "451 Come back later"
        await asyncio.sleep(self.seconds)
        letter = email.message_from_bytes(envelope.content, policy=email.policy.default)
        say({
            "sender": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "from": letter["From"],
            "subject": letter["Subject"],
            "auto": letter["Auto-Submitted"],
            "text": letter.get_content(),
        })
        return "250 Taken"


def say(what):
    print(json.dumps(what), flush=True)


async def main():
    catcher = Catcher(int(sys.argv[1]), float(sys.argv[2]))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(catcher, enable_SMTPUTF8=True), "127.0.0.1", 0)
    say({"port": server.sockets[0].getsockname()[1]})
    # Whoever started it holds the other end of standard input, and lets go of it.
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
