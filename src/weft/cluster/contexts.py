"""The contexts of the kubeconfig: which file has the one that is wanted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from weft.base.problems import Problem, UsageError, choices, did_you_mean


def files(stated: str | None) -> list[Path]:
    """The kubeconfig files that are stated, separated as in PATH; otherwise those that exist of KUBECONFIG, or of the home."""
    names = stated or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    return [Path(name) for name in names.split(os.pathsep) if name and (stated or Path(name).exists())]


def chosen(among: Sequence[Path], context: str | None) -> tuple[str, Any]:
    """The name of a context and its configuration: from the first file that has it, or that names a current one.

    Raises UsageError if there is none.
    """
    from lightkube.config.kubeconfig import KubeConfig

    known: list[str] = []
    for file in among:
        read = KubeConfig.from_file(file)
        known += [name for name in read.contexts if name not in known]
        name = context or read.current_context
        if name in read.contexts:
            return name, read.get(name)
    if context is None and not among:
        return "the service account of the pod", KubeConfig.from_service_account().get()
    raise UsageError(_unknown(context, among, known))


def _unknown(context: str | None, among: Sequence[Path], known: Sequence[str]) -> Problem:
    where = ", ".join(map(str, among)) or "no kubeconfig"
    what = f"there is no context `{context}` in {where}" if context else f"{where} names no current context"
    hint = did_you_mean(context or "", known) or (f"choose from {choices(known)}" if known else None)
    return Problem("unknown-context", what, hint=hint)
