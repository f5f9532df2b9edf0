"""Files of YAML or JSON that are encrypted with age: reading, writing, editing, and their recipients.

Recipients are age or SSH public keys, one per line, in a file `.weft-recipients` next to the encrypted file or in a folder above.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final, Self

from weft.base.extras import how_to_install
from weft.base.problems import CannotRun, Place, Problem, UsageError, WeftError, reason_of
from weft.files import git
from weft.files.atomic import replace_file
from weft.secret_files.private_folder import private_folder
from weft.secrets.providers import ProviderError, documents, identities

RECIPIENTS: Final = ".weft-recipients"
_HINT: Final = f"write public keys (`age1…`, `ssh-ed25519 …`) into {RECIPIENTS}, one per line, or use `--recipient`"
_ENDING: Final = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Ended(Exception):
    """Raised after a signal to end, once everything is cleaned up; `number` is the signal's number."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def read(path: Path) -> bytes:
    """The content of an encrypted file.

    Raises WeftError if it cannot be decrypted, CannotRun if it cannot be read or pyrage is missing.
    """
    data = read_clear(path)
    with _as_problems(path):
        return identities.decrypt(data, identities.identities(), path.name)


def write(path: Path, clear: bytes, recipients: Sequence[str]) -> None:
    """Encrypt data for recipients (see `recipients_for`) into a file, replacing it atomically.

    Raises WeftError if the data is not YAML or JSON (by the file's name) or a recipient is invalid, CannotRun if the file
    cannot be written.
    """
    with _as_problems(path):
        documents.parse(clear, path.name)
        import pyrage  # noqa: PLC0415 - an extra

        keys = [_recipient(text) for text in recipients]
        encrypted = pyrage.encrypt(clear, keys, armored=True)
    replace_file(path, encrypted)


def write_clear(path: Path, clear: bytes) -> None:
    """Write decrypted data into a file that only its owner can read.

    Raises WeftError if Git tracks the file, CannotRun if it cannot be written.
    """
    refuse_tracked(path)
    replace_file(path, clear, private=True)


def recipients_for(path: Path, given: Sequence[str] = ()) -> list[str]:
    """The recipients of a file: the given ones, else those of the nearest `.weft-recipients`.

    Raises UsageError if there are none.
    """
    if given:
        return list(given)
    for folder in path.absolute().parents:
        file = folder / RECIPIENTS
        if file.is_file():
            lines = map(str.strip, read_clear(file).decode("utf-8", "replace").splitlines())
            found = [line for line in lines if line and not line.startswith("#")]
            if found:
                return found
            raise UsageError(Problem("no-recipients", f"{file} lists no recipients", hint=_HINT))
    raise UsageError(Problem("no-recipients", f"there are no recipients for {path}", hint=_HINT))


def edit(path: Path, before: bytes, editor: Sequence[str]) -> bytes:
    """The text after editing. The editor gets it as a file in a private folder that is always removed.

    Raises CannotRun if the editor cannot be started or fails, and Ended if a signal asks the process to end: the editor is ended too.
    """
    suffix = "".join(Path(path.name.removesuffix(".age")).suffixes[-1:]) or ".yaml"
    with _Signals() as signals:
        try:
            with private_folder() as folder:
                file = folder.path / f"{path.name.partition('.')[0] or 'secrets'}{suffix}"
                file.touch(0o600)
                file.write_bytes(before)
                code = signals.run([*editor, str(file)], folder.locks)
                if code:
                    raise CannotRun(
                        Problem(
                            "editor-failed", f"the editor `{editor[0]}` ended with code {code}; nothing was changed"
                        )
                    )
                return file.read_bytes()
        except OSError as error:
            reason = reason_of(error)
            hint = "set EDITOR to the editor to use"
            raise CannotRun(Problem("editor-failed", f"{error.filename or editor[0]}: {reason}", hint=hint)) from None


class _Signals:
    """A context in which a signal to end also ends the running program, and takes effect after the cleanup."""

    def __init__(self) -> None:
        self._number: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._note) for number in _ENDING}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._number is not None:
            raise Ended(self._number) from None

    def _note(self, number: int, frame: FrameType | None) -> None:
        # Ctrl-C reaches the editor too, where it is an ordinary key
        if number == signal.SIGINT and os.isatty(0):
            return
        again = self._number is not None
        self._number = number
        if self._process:
            self._process.kill() if again else self._process.terminate()

    def run(self, command: Sequence[str], inherited: Sequence[int]) -> int:
        """The exit code of a program that uses the terminal and these file descriptors."""
        if not self._number:
            self._process = subprocess.Popen(command, pass_fds=inherited)  # noqa: S603 - the user's own editor
            if self._asked():  # just before there was a process to end
                self._process.terminate()
            return self._process.wait()
        return 1

    def _asked(self) -> bool:
        return self._number is not None


def refuse_tracked(path: Path, *, redirected: bool = False) -> None:
    """Raises WeftError if Git tracks a file, or the target of a symbolic link, or if Git cannot determine it.

    A shell empties the target of a redirection before any program starts; the message says so, with the command to restore it.
    """
    for file in dict.fromkeys((path.absolute(), Path(os.path.realpath(path)))):
        answer = git.tracks(file) if git.is_in_repository(file.parent) else False
        if answer is False:
            continue
        state = (
            "is tracked by Git" if answer else "is in a Git repository, and Git cannot determine whether it tracks it"
        )
        hint = "choose a file listed in .gitignore"
        if redirected and not file.stat().st_size:
            hint = f"the shell emptied it before Weft started: run `git restore {file.name}` to restore the committed content; then {hint}"
        message = f"{path} {state}: do not write secrets in plain text there"
        raise WeftError(Problem("tracked-file", message, hint=hint))


def _recipient(text: str) -> Any:
    import pyrage  # noqa: PLC0415 - an extra

    try:
        if text.startswith("ssh-"):
            return pyrage.ssh.Recipient.from_str(text)
        return pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError:
        # a private key given by mistake must not be shown
        shown = f"`{text[:24]}`" if re.match(r"age1|ssh-", text) else "one of them"
        raise ProviderError(f"invalid recipients: {shown} is not a public key that Weft supports", _HINT) from None


def read_clear(path: Path) -> bytes:
    """The bytes of a file that is not encrypted. Raises CannotRun when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise CannotRun(Problem("unreadable", f"{path}: {reason_of(error)}")) from None


@contextlib.contextmanager
def _as_problems(path: Path) -> Iterator[None]:
    """The error of a provider as a problem of a file."""
    try:
        yield
    except ProviderError as error:
        raise WeftError(Problem("age", error.reason, place=Place(str(path)), hint=error.hint)) from None
    except ImportError:
        message = "the package pyrage is not installed"
        raise CannotRun(Problem("not-installed", message, hint=how_to_install("age", "pyrage"))) from None
