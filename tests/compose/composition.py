"""What a compose file says, with variables filled in as `docker compose` does, and what a Dockerfile adds to it."""

import json
import re

import yaml

# What is done with each key is written in containers.py; one that is not here would be tried by nobody.
KNOWN = {
    "build", "cap_add", "cap_drop", "command", "depends_on", "entrypoint", "environment", "healthcheck", "image", "logging",
    "network_mode", "networks", "ports", "profiles", "read_only", "restart", "security_opt", "shm_size",
    "stop_grace_period", "tmpfs", "ulimits", "user", "volumes",
}


class Composition:
    """A compose file in an environment."""

    def __init__(self, path, environment):
        self.asked = set()
        with open(path, encoding="utf-8") as file:
            read = yaml.safe_load(file)
        whole = self._filled({key: part for key, part in read.items() if not key.startswith("x-")}, environment)
        self.name = whole["name"]
        self.services = whole["services"]
        self.networks = whole["networks"]
        self.volumes = set(whole["volumes"])
        for name, service in self.services.items():
            strange = set(service) - KNOWN
            assert not strange, f"{name} has {strange}, which these tests do not know"

    def _filled(self, part, environment):
        if isinstance(part, dict):
            return {key: self._filled(value, environment) for key, value in part.items()}
        if isinstance(part, list):
            return [self._filled(value, environment) for value in part]
        return self.fill(part, environment) if isinstance(part, str) else part

    def fill(self, text, environment):
        """Replaces ${NAME}, ${NAME:-otherwise} and ${NAME:+instead}, which may stand in each other."""
        innermost = re.compile(r"\$\{([A-Z_]+)(?::([-+])([^${}]*))?\}")
        while found := innermost.search(text):
            name, sign, word = found.groups()
            self.asked.add(name)
            value = environment.get(name, "")
            if sign:
                value = (value or word) if sign == "-" else (word if value else "")
            text = text[: found.start()] + value + text[found.end() :]
        assert "${" not in text, f"not understood: {text}"
        return text

    def started(self, profiles=(), only=None):
        """The services that such an `up` starts, in an order in which each comes behind what it needs."""
        wanted = [only] if only else [
            name for name, service in self.services.items()
            if not service.get("profiles") or set(service["profiles"]) & set(profiles)
        ]
        order = []

        def take(name):
            for needed in self.needs(name):
                take(needed)
            if name not in order:
                order.append(name)

        for name in wanted:
            take(name)
        return order

    def needs(self, name):
        """What a service waits for, and for what of it."""
        needs = self.services[name].get("depends_on", {})
        return needs if isinstance(needs, dict) else {need: {"condition": "service_started"} for need in needs}


class Dockerfile:
    """What the last stage of a Dockerfile says of how it is run."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            text = file.read().replace("\\\n", " ")
        last = text[text.rindex("\nFROM ") :]
        (self.environment, self.command, self.entrypoint, self.user, self.health) = ({}, [], [], "0", {})
        for line in last.splitlines():
            word, _, rest = line.strip().partition(" ")
            if word == "ENV":
                self.environment.update(pair.split("=", 1) for pair in rest.split())
            elif word == "CMD":
                self.command = json.loads(rest)
            elif word == "ENTRYPOINT":
                self.entrypoint = json.loads(rest)
            elif word == "USER":
                self.user = rest
            elif word == "HEALTHCHECK":
                options, command = rest.split(" CMD ")
                self.health = dict(pair.lstrip("-").replace("-", "_").split("=") for pair in options.split())
                self.health["test"] = ["CMD", *json.loads(command)]


def seconds(text):
    """A span of time in seconds; the files know no other unit."""
    assert text.endswith("s"), text
    return int(text[:-1])
