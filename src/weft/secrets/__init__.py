"""Sensitive settings: where a secret is kept, and where it must not come out.

A setting is *sensitive* if its schema says `x-sensitive`. An overlay gives it a *reference* such as `ref+env://NAME`, which
says where the secret is kept; anything else is a *literal*, and an error. Weft passes references on and never needs the
secret, except where somebody asks for it (`weft config --reveal`, `weft secrets check`). Then a *provider* resolves the
reference.

In a template of an ordinary output a sensitive value is *tainted*: it can be tested for truth, and refuses everything else.
Only an output that declares `secrets: true` gets the references themselves.

`masking` is the one mask of whatever prints values; `quoting` says what reports may show of the lines of overlays.

Begin with `references` and `taint`; `providers` says how to add a place where secrets are kept.

May import: base, files, report, schema, rules.
"""
