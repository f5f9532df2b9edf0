"""A small fleet whose every part can change: dimensions with files, limits and a setting, layers that are files and folders, templates that include."""

import os

import weft
from run import run
from scratch import write_files

FILES = {
    "weft.yaml": """
        version: 1
        project: fleet
        schema: schemas/root.json
        dimensions:
          environment: {values: [dev, prod]}
          tenant: {files: "overlays/tenants/*.yaml", optional: true}
          region: {setting: app.region}
        layers:
          - overlays/base
          - overlays/environments/{environment}
          - overlays/regions/{region}
          - overlays/tenants/{tenant}
          - overlays/exceptions/{environment}-{tenant}
        outputs:
          - {template: app.yaml.j2, path: "{environment}/{tenant}/app.yaml", check: kubernetes}
          - {template: note.txt.j2, path: "{environment}/{tenant}/note.txt", when: self.app.noted}
        """,
    "schemas/root.json": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": False,
        "properties": {"app": {"$ref": "app.json"}, "tenant": {"$ref": "tenant.json"}},
    },
    "schemas/app.json": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string", "default": "app"},
            "size": {"type": "integer", "minimum": 1, "maximum": 100, "default": 5},
            "region": {"type": "string", "enum": ["north", "south"], "default": "north"},
            "noted": {"type": "boolean", "default": False},
            "password": {"type": "string", "x-sensitive": True},
        },
        "x-kubernetes-validations": [{"rule": "self.size < 90 || self.noted", "message": "a large one needs a note"}],
    },
    "schemas/tenant.json": {
        "type": "object",
        "additionalProperties": False,
        "properties": {"environments": {"type": "array", "items": {"type": "string"}}},
    },
    "templates/app.yaml.j2": """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: "{{ target.environment }}-{{ target.tenant if target.tenant is defined else 'all' }}"}
        data:
        {% include "size.j2" %}
          region: "{{ app.region }}"
          name: {{ app.name | quote }}
        """,
    "templates/size.j2": '{# of the data #}\n  size: "{{ app.size }}"\n',
    "templates/note.txt.j2": "{{ target.name }} has {{ app.size }}\n",
    "overlays/base/app.yaml": "app: {name: shop}\n",
    "overlays/environments/dev.yaml": "app: {size: 2}\n",
    "overlays/environments/prod.yaml": "app: {size: 20}\n",
    "overlays/regions/south.yaml": "app: {name: south}\n",
    **{f"overlays/tenants/{name}.yaml": f"app: {{size: {size}}}\n" for name, size in (("a", 3), ("b", 4), ("c", 6))},
}


def fleet(folder):
    """The project in a folder."""
    return write_files(folder, FILES)


def remembered(folder, *args, code=None):
    """What `weft render` says and leaves in the output folder, with what it remembers."""
    result = run("render", *args, cwd=folder)
    assert code is None or result.code == code, result
    return result


def outputs(folder):
    """The files of an output folder with their contents."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".weft-record"
    }


def cold(folder):
    """The outputs of all targets, made from nothing; and the problems."""
    try:
        project = weft.load_project(folder)
        rendered, problems = project.render(project.targets())
    except weft.WeftError as error:
        return {}, list(error.problems)
    return {one.path: one.text.encode() for one in rendered}, problems


def put(path, text):
    """Write a file, at a path at which there may be nothing, or something else."""
    remove(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def remove(path):
    """Remove a file, a link or a folder."""
    if path.is_dir() and not path.is_symlink():
        for below in path.iterdir():
            remove(below)
        path.rmdir()
    elif os.path.lexists(path):
        path.unlink()
