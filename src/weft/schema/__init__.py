"""JSON Schema: what the schemas of a project define for each place of its configuration.

*Documents* are the schema files after they were joined: ids, anchors and relative references are removed, and every `$ref` is an
absolute pointer into a document. Two independent validators, the merge, the defaults and all derived files therefore read the same
plain mappings, whatever draft the author used.

A *node* combines everything that the schemas define for one place, through any `$ref` and `allOf`: its types, its default, whether
it is sensitive, how its lists merge. The *catalog* holds the documents and the root node; start with `root.at(path)`.

`types` determines which JSON types schemas accept, and `limits` the strictest bounds of several schemas, for nodes and for derived
files. The two validators use neither: they get whole schemas from `documents`. `rules.shapes` reads types separately, because the
types of CEL differ.

`loader` reads files and follows references without network access, and `mistakes` checks each schema on its own. `equality` decides
when two values are the same, `violations` writes the message for a keyword that a value breaks, and `envvars` converts between
settings and environment variables. jsonschema, which explains, is imported when there is something to explain: `explaining`.

Start reading at `node.Node`, then `loader.load_documents`.

May import: base, files, report.
"""
