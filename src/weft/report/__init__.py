"""Problems in the formats that people and other programs read.

A *report* (`report.Report`) collects the problems of a command. It groups those that several targets share, sorts them once,
and knows which lines may be quoted; the registry `base.codes` defines how for each code.

A *format* is a function from a report to a text. `formats.FORMATS` lists them by the names that `--format` takes: `text` for
people, `json`, `sarif` for code scanning, `github` for annotations of GitHub Actions, `junit` for CI servers. A format never
decides what is reported.

The text for people quotes the line that causes a problem, unless the report says that it may contain a secret. Colors are
always written; code that prints to anything but a terminal removes them.

To add a format, write a module with one function and add it to `FORMATS`. Start from `json`, the shortest one.

May import: base, files.
"""
