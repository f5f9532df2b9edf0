"""Bytes to data and back: the formats that Weft reads and writes.

Data is anything that JSON can represent, whatever the file format: mappings with text keys, lists, texts, numbers, booleans and null.
Overlays and schemas are read as YAML 1.2 (`yaml12`) or as JSON (`datafile`); a file that is neither is refused with a `YamlError`,
which has a line and column. Files for Kubernetes are read with the rules of YAML 1.1 as in Go's library (`yaml11`), because the same
text may have another meaning there.

Positions are not kept while a file is read. For a report, `locator` finds the line and column of a path in an overlay, a schema or
weft.yaml again, with `yaml12.position`. Other modules know their own positions: syntax errors (`YamlError`), templates
(`stages.render`, `lint.templates`), and checks those of outputs.

`reading` opens the files of a project and refuses files outside of it, `atomic` replaces files, `cache` stores what makes Weft
faster, `git` runs Git, `shipped` gives the files that ship with Weft: no other module does these. `formats` writes a configuration
as YAML, JSON, `.env` lines, shell exports or Java properties.

`edits` adds values to YAML and JSON files and preserves everything else; `jsonc` is its part for JSON.

Start reading at `yaml12.parse` and `datafile.parse_named`.

May import: base.
"""
