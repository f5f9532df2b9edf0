"""Editor settings for completion and checks in a project: which schema applies to which files.

Overlays in YAML name their schema on their first line. The settings are for overlays that do not, for those in JSON, and for new
files. An *association* is a schema and the patterns of its files. Each editor is a module with a function from the text of a
settings file (None if there is none) to its new text: it adds what is missing and preserves existing content, comments included.
`files.jsonc` edits JSON with comments without rewriting it.

To add an editor, write such a module, add its files to `settings_files.EDITORS`, and its name to `cli.ide`, which repeats the names so
that help is fast. Start from `vscode`.

May import: the same as `derived`.
"""
