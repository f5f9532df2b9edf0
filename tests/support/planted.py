"""The reference project with something planted in every sensitive setting."""

import yaml

import reference

LAYER = "overlays/canaries.yaml"


def sensitive_paths():
    """Every sensitive setting: those that the schema names, and those that some target sets in an open mapping."""
    root = reference.project().root
    found = dict.fromkeys(named(root, ()))
    for name in ("local", "production", "production/acme"):
        walked = root.walk(reference.targets()[name].config)
        found |= dict.fromkeys(
            path
            for path, node, value in walked
            if node.sensitive and node.renamed_to is None and not isinstance(value, dict)
        )
    return list(found)


def named(node, path):
    if node.renamed_to is not None:
        return  # the old name of another one, which is in this list; both at once are an error
    if node.sensitive:
        yield path
        return
    for name in node.properties:
        if len(path) < 12:
            yield from named(node.child(name), (*path, name))


SENSITIVE = sensitive_paths()
assert len(SENSITIVE) > 30


def plant(folder, value):
    """A copy of the reference project with one more layer on top, in which setting number n holds `value(n)`."""
    reference.copy(folder)
    data = {}
    for number, path in enumerate(SENSITIVE):
        below = data
        for step in path[:-1]:
            below = below.setdefault(step, {})
        below[path[-1]] = value(number)
    (folder / LAYER).write_text(yaml.safe_dump(data, sort_keys=False, width=1000), "utf-8")
    file = folder / "weft.yaml"
    text = file.read_text("utf-8")
    assert "\noutputs:" in text
    file.write_text(text.replace("\noutputs:", "\n  - overlays/canaries\noutputs:"), "utf-8")
    return folder
