"""New parts of a project, for `weft new`: a value of a dimension, a domain, a setting, a rule, an output.

Each part is a function from a loaded project to a `Plan`: files to create, and edits of files that preserve everything else in them.
Nothing is written while a plan is made. `trial` then loads the changed project from a copy and renders it: a plan that causes new
errors is not written.

    plan       what will be created and edited, and the diff that shows it
    trial      the project as it would be, and its problems
    values     a value of a dimension (an environment, a tenant): weft.yaml, enums, overlays, expressions
    copies     overlays of another value, with its name replaced
    literals   mappings in expressions that have a key for each value
    names      how names are spelled
    settings   settings, domains and rules: the schemas, and the overlays that must set a value
    outputs    a template and its entry in weft.yaml

Start reading at `values.new_value`.

May import: the same as `api`.
"""
