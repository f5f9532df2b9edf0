"""The changes between two versions of a project's schemas, and whether they are breaking.

The question is *containment*: does the new schema accept every value that the old one accepts? `containment` answers it by comparing
the two schemas place by place, and `keywords` compares the keywords without subschemas. The answer is conservative: a reported reason
may turn out to be harmless, but if none is reported, every value that was valid is still valid.

`changes` compares in both directions and classifies additions, removals and narrower limits; `versions` opens the schemas of a Git
revision or a file.

Start reading at `changes.compare`.

May import: the same as `derived`.
"""
