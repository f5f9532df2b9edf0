"""Whatever happens to the source and the program, the settings are those of the newest accepted revision."""

import shutil
import tempfile
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import weft.client
from rounds import examples
from world import World

MAXIMA = st.integers(2, 40)


class Lives(RuleBasedStateMachine):
    """A program that is restarted, and a source to which anything happens. The model is three numbers."""

    @initialize()
    def begin(self):
        self.folder = Path(tempfile.mkdtemp())
        self.world = World(self.folder)
        self.mounted = {"max": 10, "valid": True}
        """What the source has."""
        self.accepted = 10
        self.refuses = False
        self.refused = None
        """What the listener refused last, unless something was accepted since."""
        self.heard = []
        self.open()

    def open(self):
        self.config = self.world.open(watch=False)
        self.config.on_change("pool")(
            lambda change: self.heard.append((change.old["pool.max"], change.new["pool.max"]))
        )

        @self.config.before_change("pool")
        def ask(_):
            if self.refuses:
                raise weft.client.Refused("not now")

    def is_accepted(self):
        """Whether the source has what the program in its present state takes: a pool never shrinks."""
        wanted = self.mounted["max"]
        return self.mounted["valid"] and wanted >= self.accepted and (wanted == self.accepted or not self.refuses)

    @rule(maximum=MAXIMA)
    def publish(self, maximum):
        self.world.set(pool={"max": maximum})
        self.mounted = {"max": maximum, "valid": True}

    @rule(maximum=MAXIMA)
    def publish_what_no_rule_accepts(self, maximum):
        self.world.set(pool={"max": maximum, "min": maximum + 1})
        self.mounted = {"max": maximum, "valid": False}

    @rule(name=st.sampled_from(["weft.json", "pool.json", "schema.json", "origins.json"]))
    def tear(self, name):
        files = self.world.files(pool={"max": 39})
        self.world.mount.publish({**files, name: files[name][: len(files[name]) // 2]})
        self.mounted = {"max": 39, "valid": False}

    @rule()
    def unmount(self):
        self.world.mount.publish({})
        self.mounted = {"max": 0, "valid": False}

    @rule(refuses=st.booleans())
    def change_the_listener(self, refuses):
        self.refuses = refuses

    @rule()
    def look(self):
        wanted, before, heard = self.is_accepted(), self.accepted, len(self.heard)
        self.config.refresh()
        if wanted:
            self.accept()
        elif self.mounted["valid"] and self.mounted["max"] > before:
            self.refused = self.mounted["max"]
        assert bool(self.config.status.stale_since) is not wanted
        assert self.heard[heard:] == ([(before, self.accepted)] if self.accepted != before else [])

    @rule()
    def restart(self):
        shrinks, refused = self.mounted["max"] < self.accepted, self.mounted["max"] == self.refused
        if self.mounted["valid"] and not shrinks and not refused:  # nobody listens yet
            self.accept()
        self.open()

    def accept(self):
        if self.mounted["max"] != self.accepted:
            self.refused = None
        self.accepted = self.mounted["max"]

    @invariant()
    def the_settings_are_those_of_the_newest_accepted_revision(self):
        if hasattr(self, "config"):
            assert self.config["pool.max"] == self.accepted

    def teardown(self):
        if hasattr(self, "world"):
            self.world.close()
            shutil.rmtree(self.folder, ignore_errors=True)


TestLives = Lives.TestCase
TestLives.settings = hypothesis_settings(examples(60), stateful_step_count=30)
