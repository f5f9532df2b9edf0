"""A small client of the Language Server Protocol: what an editor sends to yaml-language-server, and what comes back."""

import itertools
import json
import os
import shutil
import subprocess
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 20
"""Seconds to wait for an answer: many times what the slowest takes."""


def find_server():
    """The command that starts yaml-language-server: the one of `make setup-tools`, else the one in PATH."""
    script = ROOT / ".venv" / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"
    node = shutil.which("node")
    if node and script.is_file():
        return [node, str(script), "--stdio"]
    return ["yaml-language-server", "--stdio"]


class LanguageServer:
    """A running server, asked one thing after the other; `settings` are the user's settings for `yaml`."""

    def __init__(self, command, folder, settings=None):
        self.folder = Path(folder)
        self.settings = {
            "validate": True,
            "hover": True,
            "completion": True,
            "schemaStore": {"enable": False},
            "kubernetesCRDStore": {"enable": False},
        } | (settings or {})
        self._numbers = itertools.count(1)
        self._answers = {}
        self._diagnostics = {}
        self._opened = set()
        self._arrived = threading.Condition()
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        documents = {
            "publishDiagnostics": {},
            "hover": {"contentFormat": ["markdown"]},
            "completion": {"completionItem": {"snippetSupport": True, "documentationFormat": ["markdown"]}},
        }
        uri = self.folder.as_uri()
        self.ask(
            "initialize",
            {
                "processId": os.getpid(),
                "rootUri": uri,
                "workspaceFolders": [{"uri": uri, "name": "project"}],
                "capabilities": {
                    "workspace": {"configuration": True, "workspaceFolders": True},
                    "textDocument": documents,
                },
            },
        )
        self.tell("initialized", {})
        self.tell("workspace/didChangeConfiguration", {"settings": {"yaml": self.settings}})
        self.diagnostics(("first.yaml", ""))  # by its end the settings have arrived

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.ask("shutdown", None)
            self.tell("exit", None)
            self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            self._process.wait()
            self._reader.join()
            self._process.stdin.close()
            self._process.stdout.close()

    def diagnostics(self, *files):
        """What the server has against texts, (name, text) each: a list of (line, message) for each, lines from 1.

        It waits 0.2 s before it looks at a text, so many texts are opened together.
        """
        uris = [self._open(name, text) for name, text in files]
        with self._arrived:
            if not self._arrived.wait_for(lambda: all(uri in self._diagnostics for uri in uris), PATIENCE):
                raise TimeoutError("no diagnostics")
            found = [self._diagnostics[uri] for uri in uris]
        for uri in uris:
            self._close(uri)
        return [[(one["range"]["start"]["line"] + 1, one["message"]) for one in each] for each in found]

    def completions(self, name, text):
        """What is offered at the place of `|` in a text: {label: item}."""
        answer = self._at_cursor("textDocument/completion", name, text)
        items = answer["items"] if isinstance(answer, dict) else answer or []
        return {item["label"]: item for item in items}

    def hover(self, name, text):
        """What is shown for the place of `|` in a text, as Markdown."""
        answer = self._at_cursor("textDocument/hover", name, text)
        return answer["contents"]["value"] if answer else ""

    def _at_cursor(self, method, name, text):
        before, _, after = text.partition("|")
        uri = self._open(name, before + after)
        position = {"line": before.count("\n"), "character": len(before) - before.rfind("\n") - 1}
        answer = self.ask(method, {"textDocument": {"uri": uri}, "position": position})
        self._close(uri)
        return answer

    def _open(self, name, text):
        """Open a text as a file of this name; when the name was open before, as another file next to it.

        What arrives late of the earlier text is thus not taken for an answer.
        """
        path = self.folder / name
        if path.as_uri() in self._opened:
            path = path.with_stem(f"{path.stem}-{next(self._numbers)}")
        uri = path.as_uri()
        self._opened.add(uri)
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self.tell("textDocument/didOpen", {"textDocument": document})
        return uri

    def _close(self, uri):
        self.tell("textDocument/didClose", {"textDocument": {"uri": uri}})

    def ask(self, method, params):
        """Send a request and wait for its result."""
        number = next(self._numbers)
        self._send({"id": number, "method": method, "params": params})
        with self._arrived:
            if not self._arrived.wait_for(lambda: number in self._answers, PATIENCE):
                raise TimeoutError(f"no answer to {method}")
            answer = self._answers.pop(number)
        assert "error" not in answer, answer
        return answer["result"]

    def tell(self, method, params):
        """Send a notification."""
        self._send({"method": method, "params": params})

    def _send(self, message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _read(self):
        stream = self._process.stdout
        while header := stream.readline():
            length = 0
            while header.strip():
                name, _, value = header.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
                header = stream.readline()
            self._receive(json.loads(stream.read(length)))

    def _receive(self, message):
        method = message.get("method")
        if method is not None and "id" in message:
            sections = (
                [item.get("section") for item in message["params"].get("items", ())]
                if method == "workspace/configuration"
                else None
            )
            result = (
                None if sections is None else [self.settings if section == "yaml" else None for section in sections]
            )
            self._send({"id": message["id"], "result": result})
        elif method == "textDocument/publishDiagnostics":
            with self._arrived:
                self._diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
                self._arrived.notify_all()
        elif "id" in message:
            with self._arrived:
                self._answers[message["id"]] = message
                self._arrived.notify_all()
