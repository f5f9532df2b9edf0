"""The parser that composes YAML: libyaml's, or PyYAML's own where it was built without libyaml."""

from __future__ import annotations

try:
    from yaml.cyaml import CParser as CParser  # type: ignore[attr-defined]  # noqa: PLC0414 - it is handed on
except ImportError:
    from yaml import composer, parser, reader, scanner

    class CParser(reader.Reader, scanner.Scanner, parser.Parser, composer.Composer):  # type: ignore[no-redef]
        """The same interface, in Python."""

        def __init__(self, stream: str) -> None:
            reader.Reader.__init__(self, stream)
            scanner.Scanner.__init__(self)
            parser.Parser.__init__(self)
            composer.Composer.__init__(self)
