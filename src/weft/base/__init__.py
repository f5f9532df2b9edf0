"""The vocabulary that every other package uses. Nothing here reads a file or depends on a stage.

A *problem* describes one mistake as data: a code, a message, a severity and, where known, a place (file, line and column), a
path, a rule and a hint. Functions return or yield problems; when work cannot continue, a `WeftError` carries them. No function
prints, and no message is built from another message. The registry `codes` defines what follows from a code: where the problem is
placed, how it is grouped across targets, and whether its line may be quoted. No other module compares codes.

A *path* is a tuple of keys and list indexes that leads to a value of the configuration. People write it with dots
(`app.ports[0]`), reports write it as a JSON pointer (`/app/ports/0`).

A *layer* is one entry of the hierarchy for one target; its *sources* are the files that it was read from. *Operators* such as
`$append` are keys of an overlay that instruct the merge; they are not steps of a setting's path.

`recent` keeps what was made of an object for those who ask for the same one again. `plugins` finds checks and providers by name, Weft's own first.

Start reading at `problems.Problem` and `codes`, then `paths`, then `overlay`.

May import: the standard library only.
"""
