"""Keeps the one who asks logged in, whatever he asks for: he may log out, or be told to change his password."""

import os

import requests
import schemathesis

ADDRESS = os.environ["GOLDCREST_ADDRESS"]
ACCOUNT = {"username": "tester", "password": "a password for tests"}
session = {}


def log_in():
    """Logs in, with a new account if there is none (any more)."""
    answer = requests.post(f"{ADDRESS}/api/v1/sessions", json=ACCOUNT, timeout=10)
    if answer.status_code != 201:
        ACCOUNT["username"] += "x"
        answer = requests.post(f"{ADDRESS}/api/v1/users", json=ACCOUNT, timeout=10)
    session["token"] = answer.json()["access_token"]


@schemathesis.auth(refresh_interval=None)
class Bearer:
    def get(self, case, context):
        if "token" not in session:
            log_in()
        return session["token"]

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {session['token']}"


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Takes marks out of the pattern of names: Python knows no classes of characters, and schemathesis puts ranges in
    their place in which there are characters that are no marks."""
    def walk(value):
        if isinstance(value, dict):
            if isinstance(value.get("pattern"), str):
                value["pattern"] = value["pattern"].replace(r"\p{M}", "")
            value = value.values()
        elif not isinstance(value, list):
            return
        for part in value:
            walk(part)

    walk(raw_schema)


@schemathesis.hook
def map_query(context, query):
    """Writes whole numbers as everybody does: to JSON Schema 7.0 is one too."""
    def written(value):
        return int(value) if isinstance(value, float) and value.is_integer() else value

    return {name: written(value) for name, value in query.items()} if isinstance(query, dict) else query


@schemathesis.hook
def after_call(context, case, response):
    if case.method in ("DELETE", "PUT") and response.status_code == 204:
        headers = {"Authorization": f"Bearer {session['token']}"}
        if requests.get(f"{ADDRESS}/api/v1/me", headers=headers, timeout=10).status_code == 401:
            log_in()
