"""When a watch compares and heals; no server is asked here."""

import threading
from types import SimpleNamespace

from weft.cluster import drifting, watching
from weft.cluster.drifting import Drift, Kind
from weft.cluster.manifests import Key
from weft.cluster.outcomes import Stop
from weft.cluster.watching import Patience

KEY = Key("", "ConfigMap", "shop-test", "shop")


class World:
    """One target, whose objects have no kind that can be watched; `kind` is how one of them differs."""

    def __init__(self, kind):
        self.kind, self.compared, self.healed, self.stop = kind, 0, 0, Stop()
        self.target = SimpleNamespace(name="test")

    def drift(self, *_):
        self.compared += 1
        found = [Drift("test", KEY, self.kind)] if self.kind else []
        return [SimpleNamespace(target=self.target, found=found, inventory=SimpleNamespace(objects={}))]

    def heal(self, _target):
        self.healed += 1
        self.kind = None

    def watched(self, monkeypatch, seconds):
        """Watch for some seconds; gives whether there was a difference, each time that it was reported."""
        monkeypatch.setattr(drifting, "drift", self.drift)
        told = []
        end = threading.Timer(seconds, self.stop.now)
        end.start()
        watching.watch(
            None,
            [self.target],
            None,
            told=lambda found: told.append(bool(found[0].found)),
            heal=self.heal,
            stop=self.stop,
        )
        return told


def test_what_is_never_healed_is_not_compared_all_the_time(monkeypatch):
    world = World(Kind.FOREIGN)
    assert world.watched(monkeypatch, 2) == [True]
    assert (world.compared, world.healed) == (1, 0)


def test_what_was_healed_is_compared_once_more(monkeypatch):
    world = World(Kind.CHANGED)
    assert world.watched(monkeypatch, 2) == [True, False]
    assert (world.compared, world.healed) == (2, 1)


def test_healing_backs_off_and_gives_up():
    patience, healed = Patience(), []
    for moment in range(3600):
        if patience.may_heal(float(moment)):
            patience.healed.append(float(moment))
            healed.append(moment)
    assert healed == [0, 5, 15, 35, 75]
    assert patience.is_exhausted
    assert patience.may_heal(3600.0 + 76)
