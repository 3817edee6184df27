"""Containers for the services of a compose file, as far as namespaces of the kernel make them: each has a root of its own that it
cannot write to, its mounts, networks, names, user and capabilities, and the programs of this machine in the place of its image."""

import ctypes
import grp
import ipaddress
import os
import pwd
import resource
import signal
import subprocess
import time

from composition import Dockerfile, seconds
from forwarder import Forwarder

REPOSITORY = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
CAPABILITIES = {"CHOWN": 0, "DAC_READ_SEARCH": 2, "NET_BIND_SERVICE": 10}
LAST_CAPABILITY = int(open("/proc/sys/kernel/cap_last_cap", encoding="ascii").read())
(PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS) = (24, 38)
LIBC = ctypes.CDLL(None, use_errno=True)
PATH = "/image:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


def run(*command):
    """Runs a command that must succeed."""
    subprocess.run(command, check=True)


class Image:
    """What an image brings along, and what this machine has in its place."""

    def __init__(self, name, program):
        base = name.split(":")[0]
        (self.environment, self.command, self.entrypoint, self.user, self.health) = ({}, [], [], "0:0", {})
        # Directories that the image has, with owner and mode: a new named volume is like them.
        self.directories = {}
        self.files = {}
        if base == "goldcrest":
            ours = Dockerfile(os.path.join(REPOSITORY, "Dockerfile"))
            (self.environment, self.command, self.entrypoint) = (dict(ours.environment), ours.command, ours.entrypoint)
            (self.user, self.health) = (ours.user, ours.health)
            self.files = {"goldcrest": program}
            self.directories = {"/data": ("65532", 0o700)}
        elif base == "postgres":
            self.environment = {"PGDATA": "/var/lib/postgresql/18/docker"}
            (self.command, self.entrypoint) = (["postgres"], ["postgres-image"])
            self.files = {"postgres-image": os.path.join(REPOSITORY, "tests/compose/postgres-image")}
            self.directories = {"/var/lib/postgresql": ("postgres", 0o1777)}
        elif base == "nats":
            self.files = {}
        elif base == "caddy":
            self.environment = {"XDG_CONFIG_HOME": "/config", "XDG_DATA_HOME": "/data"}
            self.command = ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
        else:
            raise AssertionError(f"no such image: {name}")


class Machine:
    """The networks, the volumes and the containers of one `docker compose`."""

    def __init__(self, home, program):
        (self.home, self.program) = (home, os.path.realpath(program))
        # How many ways into networks there have been: the kernel forgets one only a while after it is gone.
        (self.containers, self.networks, self.links) = ({}, {}, 0)
        run("ip", "link", "set", "lo", "up")
        os.makedirs("/run/netns", exist_ok=True)
        run("mount", "-t", "tmpfs", "tmpfs", "/run/netns")

    def volume(self, name):
        return os.path.join(self.home, "volumes", name)

    def make_networks(self, composition):
        """A bridge for each, with the addresses that it asks for."""
        for number, (name, network) in enumerate(composition.networks.items()):
            network = network or {}
            (wish,) = network.get("ipam", {}).get("config", [{"subnet": f"172.29.{number}.0/24"}])
            subnet = ipaddress.ip_network(wish["subnet"])
            if name in self.networks:
                run("ip", "link", "delete", f"gc-{name}")
            hosts = iter(list(subnet.hosts())[: 64])
            run("ip", "link", "add", f"gc-{name}", "type", "bridge")
            # Who is inside an internal network reaches nobody outside; for these tests the machine is not outside.
            run("ip", "address", "add", f"{next(hosts)}/{subnet.prefixlen}", "dev", f"gc-{name}")
            run("ip", "link", "set", f"gc-{name}", "up")
            self.networks[name] = (subnet, hosts)

    def up(self, composition, profiles=(), only=None):
        """Starts what is to be started and does not run, each when what it waits for is as it wants."""
        for name in composition.started(profiles, only):
            container = self.containers.get(name)
            if container and container.runs():
                continue
            for needed, how in composition.needs(name).items():
                self.containers[needed].wait_until(how["condition"])
            if not container:
                container = self.containers[name] = Container(self, composition, name)
            container.start()

    def down(self):
        """Ends all of them, those first that need others."""
        for container in reversed(self.containers.values()):
            container.stop()
            container.leave()
        self.containers = {}
        for name in list(self.networks):
            run("ip", "link", "delete", f"gc-{name}")
        self.networks = {}


class Container:
    """One service: a root, networks, and the process in them."""

    def __init__(self, machine, composition, name):
        (self.machine, self.name) = (machine, name)
        self.service = composition.services[name]
        self.image = Image(self.service["image"], machine.program)
        self.environment = {"PATH": PATH, "HOME": "/", "TERM": "dumb"} | self.image.environment
        self.environment |= {key: str(value) for key, value in self.service.get("environment", {}).items()}
        self.root = os.path.join(machine.home, "roots", name)
        self.log = os.path.join(machine.home, "logs", name)
        os.makedirs(os.path.dirname(self.log), exist_ok=True)
        (self.process, self.mounts, self.addresses, self.forwarders) = (None, [], {}, [])
        self._join()
        self._furnish()
        if self.service.get("ports") and not self.addresses:
            # No network is named: Docker makes one of its own.
            self._default_network()

    def _join(self):
        """Into its networks, with the names of its neighbours."""
        run("ip", "netns", "add", self.name)
        run("ip", "-n", self.name, "link", "set", "lo", "up")
        assert self.service.get("network_mode", "none") == "none"
        for network in self.service.get("networks", []):
            (subnet, hosts) = self.machine.networks[network]
            address = self.addresses[network] = str(next(hosts))
            self.machine.links += 1
            ours = f"g{self.machine.links}{network}"
            run("ip", "link", "add", ours, "type", "veth", "peer", "name", network, "netns", self.name)
            run("ip", "link", "set", ours, "master", f"gc-{network}", "up")
            run("ip", "-n", self.name, "address", "add", f"{address}/{subnet.prefixlen}", "dev", network)
            run("ip", "-n", self.name, "link", "set", network, "up")

    def hosts(self):
        """Who has which name here: those with whom it shares a network."""
        lines = ["127.0.0.1 localhost"]
        for other in self.machine.containers.values():
            for network in set(other.addresses) & set(self.addresses):
                lines.append(f"{other.addresses[network]} {other.name}")
        return "\n".join(lines) + "\n"

    def _mount(self, *arguments):
        run("mount", *arguments)
        self.mounts.append(arguments[-1])

    def _furnish(self):
        """The root: the programs of this machine, read-only, the image's own files, volumes, and memory."""
        os.makedirs(self.root)
        self._mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", self.root)
        for directory in ["usr", "dev", "proc"]:
            self._bind(f"/{directory}", f"/{directory}", "ro" if directory == "usr" else "rw", recursive=directory == "dev")
        # A copy, since files are put below it.
        run("cp", "--archive", "/etc", self._at("/etc"))
        for link in ["bin", "sbin", "lib", "lib64"]:
            if os.path.islink(f"/{link}"):
                os.symlink(os.readlink(f"/{link}"), self._at(f"/{link}"))
            elif os.path.isdir(f"/{link}"):
                self._bind(f"/{link}", f"/{link}", "ro")
        for name, source in self.image.files.items():
            self._bind(source, f"/image/{name}", "ro")
        self.hosts_file = f"{self.root}.hosts"
        with open(self.hosts_file, "w", encoding="utf-8") as file:
            file.write(self.hosts())
        self._mount("--bind", self.hosts_file, self._at("/etc/hosts"))
        if "shm_size" in self.service:
            size = self.service["shm_size"].removesuffix("b")
            self._mount("-t", "tmpfs", "-o", f"mode=1777,size={size}", "tmpfs", self._at("/dev/shm"))
        for directory, (owner, mode) in self.image.directories.items():
            self._make_like(self._at(directory), owner, mode)
        for volume in self.service.get("volumes", []):
            (source, target, *mode) = volume.split(":")
            if source.startswith("."):
                source = os.path.join(REPOSITORY, source)
                assert os.path.exists(source), f"{self.name}: there is no {source}"
                assert mode == ["ro"], f"{self.name}: {source} may be written to"
            else:
                source = self._named(source, target)
            self._bind(source, target, *mode)
        for place in self.service.get("tmpfs", []):
            (target, _, options) = place.partition(":")
            os.makedirs(self._at(target), exist_ok=True)
            self._mount("-t", "tmpfs", "-o", options or "mode=1777", "tmpfs", self._at(target))
        # A program as the tests build it reads the web app from where it was built, which may be below /tmp.
        self._bind(os.path.join(REPOSITORY, "static"), os.path.join(REPOSITORY, "static"), "ro")
        assert self.service["read_only"] is True, f"{self.name} can write to its root"
        run("mount", "-o", "remount,ro,bind", self.root)

    def _named(self, volume, target):
        """A named volume: new ones are like the image's directory at that place, if it has one."""
        place = self.machine.volume(volume)
        if not os.path.exists(place):
            (owner, mode) = self.image.directories.get(target, ("root", 0o755))
            self._make_like(place, owner, mode)
        return place

    @staticmethod
    def _make_like(place, owner, mode):
        os.makedirs(place, exist_ok=True)
        os.chmod(place, mode)
        number = int(owner) if owner.isdigit() else pwd.getpwnam(owner).pw_uid
        os.chown(place, number, number)

    def _at(self, path):
        return self.root + path

    def _bind(self, source, target, mode="rw", recursive=False):
        if os.path.isdir(source):
            os.makedirs(self._at(target), exist_ok=True)
        elif not os.path.exists(self._at(target)):
            os.makedirs(os.path.dirname(self._at(target)), exist_ok=True)
            open(self._at(target), "w", encoding="utf-8").close()
        self._mount("--rbind" if recursive else "--bind", source, self._at(target))
        if mode == "ro":
            run("mount", "-o", "remount,ro,bind", self._at(target))

    def _publish(self):
        """Its ports, at this machine's own addresses."""
        for port in self.service.get("ports", []):
            if isinstance(port, dict):
                (host, outside, inside) = (port["host_ip"], port["published"], port["target"])
                if port.get("protocol") == "udp":
                    continue
            else:
                (host, outside, inside) = port.rsplit(":", 2)
            address = self.addresses.get("front") or self.addresses["default"]
            self.forwarders.append(Forwarder((host, int(outside)), (address, int(inside))))

    def _default_network(self):
        run("ip", "link", "add", "gdefault", "type", "veth", "peer", "name", "eth0", "netns", self.name)
        run("ip", "address", "add", "172.30.0.1/24", "dev", "gdefault")
        run("ip", "link", "set", "gdefault", "up")
        run("ip", "-n", self.name, "address", "add", "172.30.0.2/24", "dev", "eth0")
        run("ip", "-n", self.name, "link", "set", "eth0", "up")
        self.addresses["default"] = "172.30.0.2"

    def _user(self):
        """Number of user and group, as the service or else its image says."""
        (user, _, group) = self.service.get("user", self.image.user).partition(":")
        number = int(user) if user.isdigit() else pwd.getpwnam(user).pw_uid
        if group:
            return number, int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
        return number, number if user.isdigit() else pwd.getpwnam(user).pw_gid

    def _confine(self):
        """What is done between fork and exec: into the root, and away with all rights but those that the file leaves."""
        (user, group) = self._user()
        assert self.service["cap_drop"] == ["ALL"] and self.service["security_opt"] == ["no-new-privileges:true"]
        kept = {CAPABILITIES[name] for name in self.service.get("cap_add", [])}
        files = self.service.get("ulimits", {}).get("nofile")
        # More than this machine allows us nobody can give.
        files = files and min(files, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        root = self.root

        def confine():
            if files:
                resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
            os.chroot(root)
            os.chdir("/")
            for capability in range(LAST_CAPABILITY + 1):
                if capability not in kept and LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
                    raise OSError(ctypes.get_errno(), "a capability stays")
            os.setgroups([])
            os.setresgid(group, group, group)
            os.setresuid(user, user, user)
            if LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
                raise OSError(ctypes.get_errno(), "privileges may be gained")

        return confine

    def _spawn(self, command, environment=None, **how):
        """A process in here."""
        # By a descriptor, since its name is not to be seen from within the root.
        namespace = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        confine = self._confine()

        def enter():
            if LIBC.setns(namespace, 0) != 0:
                raise OSError(ctypes.get_errno(), "no way into the network")
            confine()

        # Found inside, where other programs have these names.
        command = ["/usr/bin/env", *command]
        try:
            return subprocess.Popen(command, env=self.environment | (environment or {}), preexec_fn=enter, close_fds=True, **how)
        finally:
            os.close(namespace)

    def runs(self):
        return self.process is not None and self.process.poll() is None

    def start(self):
        # Neighbours may have come since.
        for container in self.machine.containers.values():
            # Lines only come, behind those that there are: whoever reads them meanwhile finds these whole.
            with open(container.hosts_file, "r+", encoding="utf-8") as file:
                file.write(container.hosts())
        entrypoint = self.service.get("entrypoint", self.image.entrypoint)
        command = self.service.get("command", [] if "entrypoint" in self.service else self.image.command)
        with open(self.log, "ab") as log:
            self.process = self._spawn([*entrypoint, *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if not self.forwarders:
            self._publish()

    def execute(self, command, input_text="", environment=None):
        """What `docker compose exec -T` does; gives the code, and what was printed."""
        process = self._spawn(
            command, environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        output, _ = process.communicate(input_text, timeout=60)
        return process.returncode, output

    def pipes(self, command, given, environment=None):
        """The same with bytes, and with what is printed told from what is complained of."""
        process = self._spawn(command, environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        (output, errors) = process.communicate(given, timeout=60)
        return process.returncode, output, errors

    def wait_until(self, condition):
        """Started, healthy, or ended well."""
        if condition == "service_started":
            return
        if condition == "service_completed_successfully":
            code = self.process.wait(timeout=60)
            assert code == 0, f"{self.name} ended with {code}: {self.tail()}"
            return
        assert condition == "service_healthy", condition
        self.wait_until_healthy()

    def wait_until_healthy(self):
        check = self.service.get("healthcheck", self.image.health)
        (kind, *command) = check["test"]
        assert kind == "CMD" and seconds(check["timeout"]) > 0 and seconds(check["interval"]) > 0
        deadline = time.monotonic() + 2 * seconds(check["start_period"])
        while True:
            assert self.runs(), f"{self.name} has ended: {self.tail()}"
            (code, output) = self.execute(command)
            if code == 0:
                return
            assert time.monotonic() < deadline, f"{self.name} is not healthy: {output}\n{self.tail()}"
            time.sleep(0.2)

    def stop(self, kill=False):
        """SIGTERM, or what the image asks for instead, and SIGKILL when the time is over. Its ports are free then."""
        while self.forwarders:
            self.forwarders.pop().close()
        if not self.runs():
            return
        grace = seconds(self.service.get("stop_grace_period", "10s"))
        self.process.send_signal(signal.SIGKILL if kill else signal.SIGINT if self.name == "postgres" else signal.SIGTERM)
        try:
            self.process.wait(timeout=grace)
        except subprocess.TimeoutExpired as slow:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.name} did not end within {grace} s: {self.tail()}") from slow

    def leave(self):
        for place in reversed(self.mounts):
            run("umount", "--lazy", place)
        os.rmdir(self.root)
        run("ip", "netns", "delete", self.name)

    def tail(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-30:])
