"""Policies: rule packs that map what a configuration shows to the controls of a standard.

A *pack* is a file `NAME.policy.yaml`; it lists the *controls* of a standard, each with rules in CEL that are evidence for it. An
*audit* asks every rule of every target and gives a *verdict* for each control: passed, failed or waived. A *waiver* is an
entry of weft.yaml that lets some targets fail a control until a day, for a reason.

`packs` reads the files, `verdicts` judges, `waivers` says what is wrong with waivers, `reports` writes an audit as JSON, SARIF
or HTML.

Begin with `verdicts.audit`.

May import: what `lint` may.
"""
