"""The words that every other package uses, and nothing that reads a file or knows a stage.

A *problem* is one thing that is wrong, as data: a code, a message, a severity, and where it is known a place (file, line and
column), a path, a rule and a hint. Functions return problems or yield them; where work cannot go on, a `WeftError` carries
them. No function prints, and no message is put together from another message. The registry `codes` says what follows from a
code: where the problem stands, how it is grouped over targets, whether its line may be quoted. Nobody else asks for a code.

A *path* is a tuple of keys and list indexes that leads to a value of the configuration. People write it with dots
(`app.ports[0]`), reports write it as a JSON pointer (`/app/ports/0`).

A *layer* is one entry of the hierarchy for one target; its *sources* are the files that it was read from. *Operators* such as
`$append` are keys of an overlay that instruct the merge; they are no steps of a setting's path.

`recent` keeps what was made of an object for those who ask for the same one again. `plugins` finds checks and providers by their names, Weft's own first.

Begin with `problems.Problem` and `codes`, then `paths`, then `overlay`.

May import: the standard library only.
"""
