"""A folder as the kubelet keeps it for a mounted ConfigMap: `key -> ..data/key`, and `..data`, which is swapped."""

import itertools
import shutil
import time


class Mount:
    """`publish` replaces all files at once."""

    def __init__(self, folder):
        self.folder = folder
        self._numbers = itertools.count()
        folder.mkdir(parents=True, exist_ok=True)

    def publish(self, files):
        """Mount other files: name to text or bytes; gives the moment of the rename, on the clock that all processes share."""
        home = self.folder / f"..2026_11_28_{next(self._numbers)}"
        home.mkdir()
        for name, content in files.items():
            (home / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        data = self.folder / "..data"
        old = data.readlink() if data.is_symlink() else None
        staged = self.folder / "..data_tmp"
        staged.symlink_to(home.name)
        moment = time.monotonic()
        staged.replace(data)
        for name in files:
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(f"..data/{name}")
        for link in self.folder.iterdir():
            if link.is_symlink() and not link.name.startswith("..") and link.name not in files:
                link.unlink()
        if old:
            shutil.rmtree(self.folder / old)
        return moment
