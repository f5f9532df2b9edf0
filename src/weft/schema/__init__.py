"""JSON Schema: what the schemas of a project say about each place of its configuration.

*Documents* are the schema files after they were joined: ids, anchors and relative references are gone, and every `$ref` is an
absolute pointer into one of them. Two validators of different make, the merge, the defaults and everything that is derived
therefore see the same plain mappings, whatever draft the author used.

A *node* is what the schemas say of one place, whichever `$ref` and `allOf` lead there: its types, its default, whether it is
sensitive, how its lists merge. The *catalog* holds the documents and the root node; `root.at(path)` is the usual way in.

`types` works out which JSON types schemas accept, `limits` the strictest bounds of several schemas, for nodes and for everything
that is derived. The two validators use neither: they get whole schemas from `documents`. `rules.shapes` reads types once more, as
the types of CEL are others.

`loader` reads files and follows references without ever asking the network, `mistakes` judges each schema by itself. `equality`
says when two values are the same, `violations` puts into words how a value breaks a keyword, `envvars` converts between settings
and environment variables.

Begin with `node.Node`, then `loader.load_documents`.

May import: base, files, report.
"""
