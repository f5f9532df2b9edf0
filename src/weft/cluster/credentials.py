"""Credentials that a program provides, in the form `client.authentication.k8s.io/v1`, which lightkube does not speak.

See https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Generator
from typing import Any, Final

import httpx2

VERSION: Final = "client.authentication.k8s.io/v1"


class Program(httpx2.Auth):  # type: ignore[misc] # the package may be absent
    """Authentication of requests with the token that a program prints; it is asked again when the server does not accept the token.

    Raises ValueError if the program fails or prints no token, and OSError if it cannot be started.
    """

    def __init__(self, program: Any) -> None:
        self._program = program
        self._token: str | None = None
        self._lock = threading.Lock()

    def sync_auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """The request with a token, and once more with a new one if the first has expired."""
        used = self._current(None)
        request.headers["Authorization"] = f"Bearer {used}"
        response = yield request
        if response.status_code == 401:
            request.headers["Authorization"] = f"Bearer {self._current(used)}"
            yield request

    def _current(self, expired: str | None) -> str:
        """The token; a new one if it is the expired one. Threads that find the same one expired ask for one new one."""
        with self._lock:
            if self._token is None or self._token == expired:
                self._token = self._ask()
            return self._token

    def _ask(self) -> str:
        spec = {"apiVersion": VERSION, "kind": "ExecCredential", "spec": {"interactive": False}}
        stated = {one.name: one.value for one in self._program.env or ()}
        done = subprocess.run(  # noqa: S603 - the kubeconfig names the program
            [self._program.command, *(self._program.args or ())],
            env={**os.environ, **stated, "KUBERNETES_EXEC_INFO": json.dumps(spec)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise ValueError(f"the program {self._program.command} ended with {done.returncode}")
        token = (json.loads(done.stdout).get("status") or {}).get("token")
        if not token:
            raise ValueError(f"the program {self._program.command} gives no token")
        return str(token)
