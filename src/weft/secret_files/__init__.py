"""Work with secrets on the command line.

`age_files` reads, writes and edits files that are encrypted with age for the recipients listed in `.weft-recipients`; `scanning` finds
secrets in plain text in the files of a project; `resolving` collects the references of a target, resolves them in memory with
`secrets.providers`, and reports those that fail, for `weft config --reveal` and `weft secrets check`.

Resolved secrets are never part of a problem or a log. A file in plain text is written only if the user requests it, readable only by
its owner, and never to a file that Git tracks.

Start reading at `resolving.reveal`.

May import: base, files, report, schema, rules, secrets, stages, checks, project, lint, derived.
"""
