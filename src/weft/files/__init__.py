"""Bytes to data and back: the formats that Weft reads and writes.

Data is what JSON can hold, whatever the file was: mappings with texts as keys, lists, texts, numbers, booleans and null.
Overlays and schemas are read as YAML 1.2 (`yaml12`) or as JSON (`datafile`); a file that is neither is refused with a
`YamlError`, which knows line and column. What Kubernetes will read is read by the rules of YAML 1.1 as Go's library knows them
(`yaml11`), because the same text may mean something else there.

Positions are not kept while a file is read. `locator` finds the line and column of a path in an overlay, a schema or weft.yaml
again when a report asks, with `yaml12.position`. Other places are known to who complains: a syntax error knows its own
(`YamlError`), templates know their lines (`stages.render`, `lint.templates`), and checks those of outputs.

`reading` opens the files of a project and refuses what lies outside of it, `atomic` replaces files, `cache` keeps what makes Weft
faster, `git` runs git, `shipped` gives the files that come with Weft: nothing else in Weft does these. `formats` writes a
configuration as YAML, JSON, `.env` lines, shell exports or Java properties.

`edits` puts values into YAML and JSON files and leaves everything else in them as it is; `jsonc` is its part for JSON.

Begin with `yaml12.parse` and `datafile.read`.

May import: base.
"""
