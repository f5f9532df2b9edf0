"""`ref+vault://MOUNT/PATH#KEY`: a key of a secret in the KV engine (version 1 or 2) of a HashiCorp Vault or OpenBao.

The server and the token are those of the `vault` program: VAULT_ADDR, VAULT_TOKEN or ~/.vault-token, VAULT_NAMESPACE, VAULT_CACERT. A
reference cannot name another server, because the token would be sent to it. `?kv=1` or `?kv=2` sets the version of the engine at the
first step of the path, for tokens that cannot look it up.
"""

from __future__ import annotations

import os
from typing import Any, Final
from urllib.parse import quote

from weft.base.paths import pointer
from weft.files.reading import ProjectFiles
from weft.secrets.providers import ProviderError, Reference, documents

FORM: Final = "MOUNT/PATH#KEY"
KEY: Final = "must"
PARAMETERS: Final = ("kv",)
_TIMEOUT: Final = 10.0


def complaint(reference: Reference) -> str | None:
    """A path has a mount and something below it; `kv` is 1 or 2."""
    steps = reference.path.split("/")
    if len(steps) < 2 or not all(steps) or {".", ".."} & set(steps):
        return "its path is not a mount and the path of a secret in it"
    return None if reference.parameters.get("kv", "1") in ("1", "2") else "`kv` is 1 or 2"


def resolve(reference: Reference, files: ProjectFiles) -> str:
    """The value of the key; the newest version of the secret if the engine keeps several."""
    import hvac  # noqa: PLC0415 - an extra
    import requests  # noqa: PLC0415 - comes with hvac

    if not os.environ.get("VAULT_ADDR"):
        raise ProviderError("VAULT_ADDR is not set", "set VAULT_ADDR and VAULT_TOKEN, as for the `vault` program")
    try:
        client = hvac.Client(timeout=_TIMEOUT, namespace=os.environ.get("VAULT_NAMESPACE"))
        if not client.token:
            raise ProviderError("there is no Vault token", "set VAULT_TOKEN, or run `vault login`")
        data = _read(client, reference)
    except hvac.exceptions.Forbidden:
        raise ProviderError("Vault rejects the token, or its policies do not allow this path") from None
    except hvac.exceptions.InvalidPath:
        raise ProviderError(f"Vault has no secret at {reference.path}, or it was deleted") from None
    except hvac.exceptions.VaultError as error:
        raise ProviderError(f"Vault answered with an error ({type(error).__name__})") from None
    except requests.RequestException as error:
        raise ProviderError(f"Vault cannot be reached at VAULT_ADDR ({type(error).__name__})") from None
    key = reference.key or ""
    return documents.pick(data, key if key.startswith("/") else pointer((key,)))


def _read(client: Any, reference: Reference) -> Any:
    mount, version = _engine(client, reference)
    path = quote(reference.path.removeprefix(mount).strip("/"))
    answer = client.adapter.get(f"/v1/{quote(mount.strip('/'))}/{'data/' if version == '2' else ''}{path}")
    data = answer.get("data") if isinstance(answer, dict) else None
    data = data.get("data") if version == "2" and isinstance(data, dict) else data
    if not isinstance(data, dict):
        raise ProviderError(f"Vault answered without data for {reference.path}", "is it a secret of the KV engine?")
    return data


def _engine(client: Any, reference: Reference) -> tuple[str, str]:
    """The mount of a path and its version, looked up as the `vault` program does."""
    if "kv" in reference.parameters:
        return reference.path.partition("/")[0], reference.parameters["kv"]
    answer = client.adapter.get(f"/v1/sys/internal/ui/mounts/{quote(reference.path)}")
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict) or not isinstance(data.get("path"), str):
        raise ProviderError(
            "Vault does not report the version of this engine", "add `?kv=2` (or `?kv=1`) before the `#`"
        )
    options = data.get("options")
    return data["path"], str(options.get("version", "1")) if isinstance(options, dict) else "1"
