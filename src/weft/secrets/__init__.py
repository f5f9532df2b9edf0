"""Sensitive settings: where a secret is kept, and where it must never appear.

A setting is *sensitive* if its schema has `x-sensitive`. An overlay contains a *reference* for it, such as `ref+env://NAME`, which says
where the secret is kept; anything else is a *literal*, and an error. Weft passes references on and never needs the secret, unless a
command requests it (`weft config --reveal`, `weft secrets check`). Then a *provider* resolves the reference.

In a template of an ordinary output a sensitive value is *tainted*: it can be tested for truth, and any other use is an error.
Only an output that declares `secrets: true` gets the references themselves.

`masking` masks values for everything that prints them; `quoting` decides what reports may show of the lines of overlays.

Start reading at `references` and `taint`; `providers` explains how to add a secret store.

May import: base, files, report, schema, rules.
"""
