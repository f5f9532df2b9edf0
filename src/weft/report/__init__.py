"""Problems in the formats that people and other programs read.

A *format* is a function from problems, and from the folder that their files are relative to, to a text. `formats.FORMATS`
lists them by the names that `--format` takes: `text` for people, `json`, `sarif` for code scanning, `github` for annotations
of GitHub Actions, `junit` for CI servers. A format never decides what is reported; it gets the problems gathered and sorted.

The text for people quotes the line that causes a problem, unless the problem is *quiet*: a secret may stand in that line.
Colours are always written, and removed by whoever prints to something that is not a terminal.

To add a format, write a module with one function and add it to `FORMATS`. Begin with `json`, the shortest one.

May import: base, files.
"""
