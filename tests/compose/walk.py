"""What somebody does with docker-compose.yml, from the first start on: on this machine's programs, in containers of our own."""

import base64
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time

from composition import Composition
from containers import REPOSITORY, Machine
from ears import EARS
from typed import Typist, block

PATIENCE = 60
FILE = os.path.join(REPOSITORY, "docker-compose.yml")


def step(says):
    print(f"   {says}", flush=True)


def ask(address, method, path, body=None, token=None, basic=None):
    """One request; gives the status and the answer."""
    connection = http.client.HTTPConnection(*address, timeout=30)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if basic:
        headers["Authorization"] = f"Basic {base64.b64encode(':'.join(basic).encode()).decode()}"
    if body is not None:
        headers["Content-Type"] = "application/json"
    connection.request(method, path, body if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, json.loads(text) if answer.headers.get_content_subtype().endswith("json") else text


def expect(status, answered):
    assert answered[0] == status, answered
    return answered[1]


def until(what, met):
    """Waits for something that becomes true."""
    deadline = time.monotonic() + PATIENCE
    while not (value := met()):
        assert time.monotonic() < deadline, f"{what} did not come true"
        time.sleep(0.05)
    return value


class Round:
    """The compose file with some environment, up."""

    asked = set()
    given = set()

    def __init__(self, machine, environment, only=None):
        self.composition = Composition(FILE, environment)
        Round.asked |= self.composition.asked
        Round.given |= set(environment)
        self.machine = machine
        machine.make_networks(self.composition)
        machine.up(self.composition, (), only)
        self.address = ("localhost", int(environment.get("PORT", "8080")))
        self.typist = Typist(machine, self.composition, os.path.join(machine.home, "typed"))

    def __getitem__(self, name):
        return self.machine.containers[name]

    def goldcrest(self, name, *arguments, says="", code=0):
        """A command typed as the comments in the file say it, which ends with this code, or none that is known."""
        (ended, output) = self[name].execute(["goldcrest", *arguments], says)
        assert code is None or ended == code, f"goldcrest {' '.join(arguments)}: {output}"
        return output


def log_in(address, name):
    body = {"username": name, "password": f"{name}'s own words"}
    return expect(201, ask(address, "POST", "/api/v1/sessions", body))["access_token"]


def from_the_first_start(machine):
    """The cluster: accounts, streams while nodes and NATS go and come back, secrets, and the profile `compat`."""
    cluster = Round(machine, {})
    for name in ("node-1", "node-2", "caddy", "nats", "postgres"):
        cluster[name].wait_until_healthy()
    here = cluster.address
    assert expect(200, ask(here, "GET", "/readyz")) == "ready\n"
    assert "<title>Goldcrest" in expect(200, ask(here, "GET", "/"))
    step("all are healthy, and the way through Caddy is open")

    cluster.goldcrest("node-1", "user", "add", "alice", "--admin", "--password-stdin", says="alice's own words\n")
    bob = {"username": "bob", "password": "bob's own words"}
    expect(403, ask(here, "POST", "/api/v1/users", bob))
    link = cluster.goldcrest("node-2", "user", "invite").splitlines()[0]
    assert link.startswith("http://localhost:8080/invitations/"), link
    expect(201, ask(here, "POST", "/api/v1/users", bob | {"invitation": link.rsplit("/", 1)[1]}))
    step("nobody registers without an invitation, and whoever has one does")

    nothing_is_lost(cluster, here)
    secrets_are_kept(cluster)
    secrets_are_made_anew(cluster)
    doctor = cluster.goldcrest("node-1", "doctor")
    step(f"the doctor says: {doctor.splitlines()[-1].strip()}")

    machine.up(cluster.composition, ["compat"])
    cluster["compat"].wait_until_healthy()
    ports = [int(port.rsplit(":", 2)[1]) for port in cluster.composition.services["compat"]["ports"]]
    for port in ports:
        (status, _) = ask(("127.0.0.1", port), "GET", "/")
        assert status < 500, (port, status)
    # Said at an older system's port, on this one node, and heard from the others.
    said = expect(200, ask(("127.0.0.1", 5000), "POST", "/message", {"text": "as ever"}, basic=("alice", "alice's own words")))
    token = log_in(here, "alice")
    found = until("the others know it", lambda: expect(200, ask(here, "GET", "/api/v1/messages?text=ever", token=token))["items"])
    assert found[0]["text"] == "as ever", (said, found)
    step(f"the older systems answer at {', '.join(map(str, ports))}")
    a_backup_is_put_back(cluster)

    for name in machine.containers:
        with open(cluster[name].log, encoding="utf-8", errors="replace") as log:
            assert "is no option of this version" not in log.read(), name
    machine.down()


def nothing_is_lost(cluster, here):
    """Three listeners on three transports, while each node and NATS are stopped and started."""
    (alice, bob) = (log_in(here, "alice"), log_in(here, "bob"))
    first = expect(201, ask(here, "POST", "/api/v1/messages", {"to": ["bob"], "text": "0"}, alice))
    head = expect(200, ask(here, "GET", "/api/v1/conversations", token=bob))["head"]
    ears = [Ear(here, bob, head) for Ear in EARS]
    (said, wrong, ending) = ([], [], threading.Event())

    def talk():
        while not ending.is_set():
            body = {"conversation_id": first["conversation_id"], "text": f"m{len(said)}", "client_id": f"m{len(said)}"}
            try:
                (status, answer) = ask(here, "POST", "/api/v1/messages", body, alice)
            except (OSError, http.client.HTTPException):
                status = 503
            if status in (429, 502, 503):
                # The rate limit gives out four a second; a node that ends, or has ended, is not asked again at once.
                ending.wait(0.5)
                continue
            # 200, if it was acknowledged before and nobody heard so.
            if status not in (200, 201):
                wrong.append(AssertionError(f"{status}: {answer}"))
                return
            said.append(body["text"])
            ending.wait(0.1)

    talker = threading.Thread(target=talk)
    talker.start()

    def goes_on(met):
        for error in [*wrong, *(ear.error for ear in ears if ear.error)]:
            raise error
        return met

    def some_more():
        count = len(said)
        until("more is said", lambda: goes_on(len(said) > count + 3))
        until("all hear it", lambda: goes_on(all(said[count] in ear.heard for ear in ears)))

    try:
        some_more()
        for (name, kill) in [("node-1", False), ("node-2", False), ("node-1", True), ("nats", False)]:
            cluster[name].stop(kill)
            some_more()
            cluster[name].start()
            cluster[name].wait_until_healthy()
            some_more()
    finally:
        ending.set()
        talker.join()
    for ear in ears:
        until(f"{ear.name} hears the last", lambda ear=ear: goes_on(said[-1] in ear.heard))
        ear.close()
        goes_on(True)
        assert ear.heard == said, f"{ear.name}: {len(ear.heard)} of {len(said)}"
    farewells = [ear.farewells for ear in ears]
    assert all(count > 0 for count in farewells[:2]), farewells
    step(f"{len(said)} messages are heard once each and in order, over three transports and four ends; farewells: {farewells}")


def secrets_are_kept(cluster):
    """Each is read by whoever needs it and by nobody else, no process writes to its root, and a second start changes nothing."""
    secrets = cluster.machine.volume("secrets")
    kept = {name: open(os.path.join(secrets, name), "rb").read() for name in os.listdir(secrets)}
    owners = {
        "jwt.key": "node-1", "database-url": "node-1", "nats-url": "node-1",
        "database-password": "postgres", "nats-password.conf": "nats",
    }
    assert set(kept) == set(owners), set(kept)
    for secret, owner in owners.items():
        for name in ("node-1", "node-2", "nats", "postgres"):
            (code, _) = cluster[name].execute(["cat", f"/secrets/{secret}"])
            assert (code == 0) == (owner == name.replace("node-2", "node-1")), f"{name} and {secret}: {code}"
    assert cluster["caddy"].execute(["ls", "/secrets"])[0] != 0
    for name in cluster.machine.containers:
        (code, said) = cluster[name].execute(["touch", "/etc/new"])
        assert code != 0 and "Read-only" in said, f"{name}: {said}"
    cluster["secrets"].start()
    cluster["secrets"].wait_until("service_completed_successfully")
    assert kept == {name: open(os.path.join(secrets, name), "rb").read() for name in os.listdir(secrets)}
    wrong = ["env", "PGPASSWORD=goldcrest", "psql", "-h", "postgres", "-U", "goldcrest", "-c", "SELECT 1"]
    (code, said) = cluster["node-1"].execute(wrong)
    assert code != 0 and "password authentication failed" in said, said
    with socket.create_connection((cluster["nats"].addresses["back"], 4222), timeout=10) as stranger:
        stranger.sendall(b'CONNECT {"verbose":false}\r\nPING\r\n')
        answer = b""
        while b"-ERR" not in answer and (data := stranger.recv(4096)):
            answer += data
    assert b"Authorization Violation" in answer, answer
    step("secrets are read by whom they are for, and stay; PostgreSQL and NATS let no stranger in")


def secrets_are_made_anew(cluster):
    """As docs/deploying.md has it; what was there before is of no use then."""
    (secrets, here) = (cluster.machine.volume("secrets"), cluster.address)

    def read(name):
        with open(os.path.join(secrets, name), "rb") as file:
            return file.read()

    for beginning, files, old_token in [
        ("**A new secret**", ["jwt.key"], 401),
        ("`nats-url` stands for the password of NATS:", ["nats-url", "nats-password.conf"], 200),
        ("and `database-url` for that of PostgreSQL", ["database-url", "database-password"], 200),
    ]:
        token = log_in(here, "alice")
        before = {name: read(name) for name in os.listdir(secrets)}
        cluster.typist.types(block("docs/deploying.md", beginning))
        changed = {name for name in os.listdir(secrets) if before.get(name) != read(name)}
        assert changed == set(files) and set(before) == set(os.listdir(secrets)), changed
        until("the way is open again", lambda: ask(here, "GET", "/readyz")[0] == 200)
        assert ask(here, "GET", "/api/v1/me", token=token)[0] == old_token, files
        for name in ("node-1", "node-2"):
            until("the node has NATS", lambda name=name: "NATS lets us in" in cluster.goldcrest(name, "doctor", code=None))
    step("each secret is made anew as the page says, and all go on with it")


def a_backup_is_put_back(cluster):
    """As docs/deploying.md has it."""
    here = cluster.address
    cluster.typist.types(block("docs/deploying.md", "**A backup** is one of PostgreSQL"))
    assert os.path.exists(os.path.join(cluster.typist.home, "secrets/jwt.key"))
    alice = log_in(here, "alice")
    expect(201, ask(here, "POST", "/api/v1/messages", {"to": ["alice"], "text": "after the backup"}, alice))
    cluster.typist.types(block("docs/deploying.md", "To put the first back"))
    cluster.typist.types("docker compose --profile compat start compat")
    # Caddy asks once a second whether they are ready.
    until("the way is open again", lambda: ask(here, "GET", "/readyz")[0] == 200)
    alice = log_in(here, "alice")
    texts = [message["text"] for message in expect(200, ask(here, "GET", "/api/v1/messages?limit=200", token=alice))["items"]]
    assert "m0" in texts and "after the backup" not in texts, texts
    step("what PostgreSQL gave as a backup is put back")


def behind_tls(machine):
    """The same data, now with a name, so with TLS and HTTP/2, and with every variable set to something else."""
    environment = {
        "SITE_ADDRESS": "localhost", "PORT": "9080", "TLS_PORT": "9443", "ADDRESS": "127.0.0.2",
        "PUBLIC_URL": "https://localhost:9443", "FRONT": "172.28.91.0/24",
    }
    cluster = Round(machine, environment)
    for name in ("node-1", "node-2", "caddy"):
        cluster[name].wait_until_healthy()
    root = os.path.join(machine.volume("caddy"), "caddy/pki/authorities/local/root.crt")
    until("Caddy has a certificate", lambda: os.path.exists(root))
    site = "https://localhost:9443"
    curl = ["curl", "-sS", "--cacert", root, "--connect-to", "localhost:9443:127.0.0.2:9443", "--max-time", "30"]

    def fetch(*what):
        return subprocess.run([*curl, *what], capture_output=True, text=True, check=True).stdout

    assert fetch("-w", "%{http_version}", "--retry", "5", "--retry-all-errors", f"{site}/readyz") == "ready\n2"
    login = json.dumps({"username": "bob", "password": "bob's own words"})
    token = json.loads(fetch("--json", login, f"{site}/api/v1/sessions"))["access_token"]
    bob = ["-H", f"Authorization: Bearer {token}"]
    with subprocess.Popen([*curl, "-N", *bob, f"{site}/stream"], stdout=subprocess.PIPE, text=True) as stream:

        def hear(wanted):
            while wanted not in (line := stream.stdout.readline()):
                assert line, f"the stream ended before {wanted}"

        hear("event: ready")
        fetch(*bob, "--json", json.dumps({"to": ["bob"], "text": "by its name"}), f"{site}/api/v1/messages")
        hear("by its name")
        stream.kill()
    assert "m0" in fetch(*bob, f"{site}/api/v1/messages?limit=200")
    link = cluster.goldcrest("node-1", "user", "invite").splitlines()[0]
    assert link.startswith("https://localhost:9443/invitations/"), link
    (status, _) = ask(("127.0.0.2", 9080), "GET", "/readyz")
    assert status == 308, status
    step("by a name there is TLS with HTTP/2, a stream comes through it, and all that was said before is there")
    machine.down()


def alone(machine):
    """The profile `single`: its own data, a backup, and a second start."""
    for again in (False, True):
        single = Round(machine, {"PORT": "9090"}, only="single")
        assert list(machine.containers) == ["single"], machine.containers
        single["single"].wait_until_healthy()
        assert expect(200, ask(single.address, "GET", "/readyz")) == "ready\n"
        if not again:
            single.goldcrest("single", "user", "add", "carol", "--admin", "--password-stdin", says="carol's own words\n")
            body = {"username": "dave", "password": "dave's own words"}
            expect(403, ask(single.address, "POST", "/api/v1/users", body))
            single.goldcrest("single", "backup", "/data/backup")
        log_in(single.address, "carol")
        assert single.goldcrest("single", "user", "invite").startswith("http://localhost:9090/invitations/")
        machine.down()
    step("one node with the embedded database keeps what it is told over a restart, and makes a backup")


def from_one_node_to_two(machine):
    """As docs/moving.md has it, on a machine where the two never ran."""
    for volume in ("secrets", "postgres"):
        shutil.rmtree(machine.volume(volume))
    single = Round(machine, {"PORT": "9090"}, only="single")
    single["single"].wait_until_healthy()
    carol = log_in(single.address, "carol")
    expect(201, ask(single.address, "POST", "/api/v1/messages", {"to": ["carol"], "text": "said to one node"}, carol))
    single.typist.types(block("docs/moving.md", "**From `single` to the two nodes**"))
    until("the way is open", lambda: ask(single.address, "GET", "/readyz")[0] == 200)
    found = expect(200, ask(single.address, "GET", "/api/v1/messages?text=said", token=carol))["items"]
    assert [message["text"] for message in found] == ["said to one node"], found
    machine.down()
    step("what one node was told the two nodes know, and nobody logs in again")


def main():
    (home, program) = sys.argv[1:]
    machine = Machine(home, program)
    try:
        from_the_first_start(machine)
        behind_tls(machine)
        alone(machine)
        from_one_node_to_two(machine)
        forgotten = Round.asked - Round.given
        assert not forgotten, f"no round sets {forgotten}"
        for volume in Composition(FILE, {}).volumes:
            assert os.listdir(machine.volume(volume)), f"nothing was written to the volume {volume}"
    except BaseException:
        for name, container in machine.containers.items():
            print(f"the end of what {name} said:\n{container.tail()}", file=sys.stderr)
        raise


main()
