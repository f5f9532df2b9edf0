"""What changed between two versions of a project's schemas, and whether that may break anybody.

The question is *containment*: does the new schema accept every value that the old one accepts? `containment` answers it by
comparing the two schemas place by place, `keywords` does so for the keywords that hold no schemas. The answer errs on one
side: a reported reason may turn out harmless, but where none is reported, every value that was valid is still valid.

`changes` asks in both directions and tells additions, removals and narrower limits apart; `versions` opens the schemas of a
git revision or of a file.

Begin with `changes.compare`.

May import: what `derived` may.
"""
