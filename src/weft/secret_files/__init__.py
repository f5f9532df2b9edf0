"""What people do with secrets at the command line.

`age_files` reads, writes and edits files that are encrypted with age for the recipients listed in `.weft-recipients`;
`scanning` finds secrets in plain text in the files of a project; `resolving` collects the references of a target, asks
`secrets.providers` for what stands behind them, in memory, and reports those that fail, for `weft config --reveal` and
`weft secrets check`.

Secrets that come out here are never part of a problem or of a log. A file in plain text is written only where the user asked
for it, readable by nobody else, and never to a file that git tracks.

Begin with `resolving.reveal`.

May import: base, files, report, schema, rules, secrets, stages, checks, project, lint, derived.
"""
