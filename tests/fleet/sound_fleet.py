"""The small fleet with outputs that are right, so that there is something to write."""

from small_fleet import fleet, put


def sound_fleet(folder):
    """The project in a folder, with a template whose included part has its indentation."""
    project = fleet(folder)
    text = (project / "templates/app.yaml.j2").read_text("utf-8")
    put(project / "templates/app.yaml.j2", text.replace("{% include", "{%+ include"))
    return project
