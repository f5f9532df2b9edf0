"""The fleet benchmark: many tenants, rendered by Weft, by a script of thirty lines, and by other tools (docs/benchmarks.md).

Read in this order: what everyone renders (`workload`), as a project of Weft (`projects`) and of the others (`peers`); how a command
is measured (`measuring`); what is measured (`cases`, `fleets`); what is allowed (`acceptance`); what it says about fleets that are
too large to be measured (`growth`); the page and its plots (`page`, `plots`).
"""
