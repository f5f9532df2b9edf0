"""What editors are given so that they complete and check the files of a project: which schema is for which files.

Overlays in YAML name their schema in their first line. The settings serve those that do not, those in JSON, and new files.
An *association* is a schema and the patterns of the files that it is for. Each editor is a module with a function from the
text of a settings file (None when there is none) to the text that it should have: it adds what is missing and leaves alone
what is there, comments included. `files.jsonc` edits JSON with comments without rewriting it.

To add an editor, write such a module, add its files to `settings_files.EDITORS`, and its name to `cli.ide`, where the names are
spelled out so that help is fast. Begin with `vscode`.

May import: what `derived` may.
"""
