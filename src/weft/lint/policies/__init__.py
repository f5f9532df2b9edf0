"""Policies: rule packs that map a configuration to the controls of a standard.

A *pack* is a file `NAME.policy.yaml` that lists the *controls* of a standard, each with rules in CEL as evidence. An *audit* evaluates
every rule for every target and gives a *verdict* for each control: passed, failed or waived. A *waiver* is an entry of weft.yaml that
lets some targets fail a control until a given day, for a reason.

`packs` reads the files, `verdicts` evaluates them, `waivers` reports problems of waivers, `reports` writes an audit as JSON, SARIF or
HTML.

Start reading at `verdicts.audit`.

May import: the same as `lint`.
"""
