"""What somebody types who follows the documentation: its lines with `docker compose`, on containers of our own."""

import copy
import io
import os
import re
import shlex
import subprocess
import tarfile

from containers import REPOSITORY, Container

# Debian's programs look elsewhere than those of the image, and want a password there.
SOCKET = {"PGHOST": "/var/run/postgresql"}


def block(page, beginning):
    """The block of commands in a page that follows these words."""
    with open(os.path.join(REPOSITORY, page), encoding="utf-8") as file:
        text = file.read()
    assert text.count(beginning) == 1, f"{page} does not say {beginning!r} once"
    found = re.search(r"^```sh\n(.*?)^```", text[text.index(beginning):], re.MULTILINE | re.DOTALL)
    return found[1]


class Typist:
    """Somebody at a shell, in a directory of his own."""

    def __init__(self, machine, composition, home):
        (self.machine, self.composition, self.home) = (machine, composition, home)
        os.makedirs(home, exist_ok=True)

    def types(self, commands):
        """These commands, one a line; what follows one as a here-document is its input."""
        lines = iter(commands.splitlines())
        for line in lines:
            assert line.startswith("docker compose "), f"not understood: {line}"
            text = None
            if here := re.search(r" <<'(\w+)'$", line):
                text = ""
                while (more := next(lines)) != here[1]:
                    text += f"{more}\n"
                line = line[: here.start()]
            self._one(line, text)

    def _one(self, line, text):
        words = shlex.split(line)[2:]
        profiles = []
        while words[0] == "--profile":
            profiles.append(words[1])
            words = words[2:]
        (verb, words) = (words[0], words[1:])
        done = getattr(self, f"_{verb}")(words, text, profiles) if verb != "exec" else self._exec(words, text)
        (code, output) = done or (0, b"")
        assert code == 0, f"{line}: {output.decode(errors='replace')}"

    def _named(self, names):
        return [self.machine.containers[name] for name in names]

    def _up(self, words, _text, profiles):
        assert words[0] == "-d", words
        only = words[1] if len(words) > 1 else None
        self.machine.up(self.composition, profiles, only)
        for container in self.machine.containers.values():
            if container.runs():
                container.wait_until_healthy()

    def _stop(self, names, _text, _profiles):
        for container in self._named(names):
            container.stop()

    def _start(self, names, _text, _profiles):
        for container in self._named(names):
            container.start()
            container.wait_until_healthy()

    def _restart(self, names, _text, _profiles):
        self._stop(names, None, None)
        self._start(names, None, None)

    def _exec(self, words, text):
        """In a container that runs, with what comes from a file or goes into one."""
        assert words[0] == "-T", words
        (name, command) = (words[1], words[2:])
        (given, wanted) = ((text or "").encode(), None)
        if command[-1][0] in "<>":
            (sign, file) = (command[-1][0], os.path.join(self.home, command.pop()[1:]))
            if sign == "<":
                with open(file, "rb") as reading:
                    given = reading.read()
            else:
                wanted = file
        (code, output, errors) = self.machine.containers[name].pipes(command, given, SOCKET)
        if wanted:
            with open(wanted, "wb") as writing:
                writing.write(output)
        return code, output + errors

    def _run(self, words, _text, profiles):
        """A container of its own, which is gone afterwards; what its service needs is started before."""
        service_of_its_own = {}
        (capabilities, volumes, needs) = ([], [], True)
        while words[0].startswith("--"):
            option = words.pop(0)
            if option == "--no-deps":
                needs = False
            elif option == "--cap-add":
                capabilities.append(words.pop(0))
            elif option == "--volume":
                # A volume is named as Docker knows it, with the project before its name.
                volumes.append(words.pop(0).removeprefix(f"{self.composition.name}_"))
            elif option == "--entrypoint":
                service_of_its_own["entrypoint"] = [words.pop(0)]
                service_of_its_own["command"] = []
            else:
                assert option == "--rm", option
        (name, command) = (words[0], words[1:])
        if needs:
            for needed, how in self.composition.needs(name).items():
                self.machine.up(self.composition, profiles, needed)
                self.machine.containers[needed].wait_until(how["condition"])
        service = copy.deepcopy(self.composition.services[name]) | service_of_its_own
        service["cap_add"] = service.get("cap_add", []) + capabilities
        service["volumes"] = service.get("volumes", []) + volumes
        service.pop("ports", None)
        if command:
            service["command"] = command
        composition = copy.copy(self.composition)
        composition.services = self.composition.services | {"run": service}
        container = Container(self.machine, composition, "run")
        try:
            container.start()
            code = container.process.wait(timeout=120)
            output = container.tail().encode()
        finally:
            container.stop(kill=True)
            container.leave()
            os.remove(container.log)
        return code, output

    def _cp(self, words, _text, _profiles):
        """Out of a container's volume, whoever its files belong to."""
        (there, here) = words
        (name, path) = there.split(":")
        (volume,) = [line.split(":")[0] for line in self.composition.services[name]["volumes"] if line.split(":")[1] == path]
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            tar.add(self.machine.volume(volume), os.path.basename(here))
        archive.seek(0)
        subprocess.run(["tar", "--extract", "--directory", self.home], input=archive.read(), check=True)
