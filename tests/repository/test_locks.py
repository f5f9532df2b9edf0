"""The locks are closed: what is installed by them needs nothing else, on any day. Also tests of that test."""

import json
import re
import tomllib

import pytest
from packaging.requirements import Requirement

import closure
from closure import FOLDER, LOCKS, OTHERS, SUPPORTED, Metadata, read_lock

TEXTS = {name: (FOLDER / f"{name}.lock").read_text("utf-8") for name in LOCKS}
METADATA = Metadata.read(closure.METADATA.read_text("utf-8"))
PYPROJECT = tomllib.loads((FOLDER.parent / "pyproject.toml").read_text("utf-8"))
PINS = [(name, pin) for name, text in TEXTS.items() for pin in read_lock(text)]
assert len(PINS) > 100


def wrong(name, text, metadata=METADATA, environments=(SUPPORTED[0],)):
    """What is wrong with a changed lock, but that it is not the one that metadata.json was written for."""
    found = closure.problems(name, text, LOCKS[name].roots(PYPROJECT), metadata, environments)
    return [sentence for sentence in found if "is older than" not in sentence]


def entry(name, pin):
    """The lines of a lock that pin a package."""
    marker = f" ; {pin.marker}" if pin.marker else ""
    pattern = (
        rf"^{re.escape(pin.name)}(\[[^\]]*\])?=={re.escape(pin.version)}{re.escape(marker)} \\\n(?:    --hash=.*\n?)+"
    )
    return re.search(pattern, TEXTS[name], re.MULTILINE)[0]


def test_every_lock_is_closed_and_fresh():
    assert closure.all_problems() == []


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_its_hashes(name):
    assert [pin for pin in read_lock(TEXTS[name]) if not pin.hashes] == []


@pytest.mark.soak(few=40)
@pytest.mark.parametrize(("name", "pin"), PINS, ids=lambda part: getattr(part, "name", part))
def test_a_package_that_is_removed_is_missed(name, pin):
    here = next(environment for environment in (*SUPPORTED, *OTHERS) if pin.applies(environment))
    found = wrong(name, TEXTS[name].replace(entry(name, pin), ""), environments=[here])
    assert any(f"{pin.name} is missing" in sentence for sentence in found), found


@pytest.mark.soak(few=20)
@pytest.mark.parametrize(
    ("name", "pin"), [(name, pin) for name, pin in PINS if pin.marker], ids=lambda part: getattr(part, "name", part)
)
def test_a_marker_that_is_removed_is_missed(name, pin):
    lines = entry(name, pin)
    text = TEXTS[name].replace(lines, lines.replace(f" ; {pin.marker}", ""))
    assert wrong(name, text, environments=(*SUPPORTED, *OTHERS)) != []


def wheels_that_matter():
    """One wheel for each package of each lock and each platform, of those that it needs."""
    chosen = {}
    for name, pin in PINS:
        for environment in SUPPORTED:
            if pin.applies(environment):
                for wheel, facts in METADATA.packages[pin.name, pin.version].wheels.items():
                    if closure._tags(wheel) & environment.tags:
                        chosen.setdefault((name, wheel), (name, pin, facts["sha256"], environment))
                        break
    assert len(chosen) > 150
    return list(chosen.values())


@pytest.mark.soak(few=60)
@pytest.mark.parametrize(
    ("name", "pin", "digest", "environment"), wheels_that_matter(), ids=lambda part: getattr(part, "name", part)
)
def test_the_hashes_of_a_wheel_that_are_removed_are_missed(name, pin, digest, environment):
    lines = entry(name, pin)
    kept = [line for line in lines.replace(" \\\n", "\n").splitlines() if digest not in line]
    text = TEXTS[name].replace(lines, " \\\n".join(kept) + "\n")
    assert text != TEXTS[name]
    assert any("the hash of" in sentence for sentence in wrong(name, text, environments=[environment]))


def bounds():
    """Requirements that name a lowest version: (lock, pin, who asks, lowest)."""
    found = {}
    for name, text in TEXTS.items():
        pins = {pin.name: pin for pin in read_lock(text) if pin.applies(SUPPORTED[0])}
        for who, need in closure.needed(SUPPORTED[0], pins, LOCKS[name].roots(PYPROJECT), METADATA):
            lowest = re.findall(r"[>=~]=?([0-9][^,]*)", need.specifier)
            if lowest and need.name in pins:
                pin = pins[need.name]
                found.setdefault((name, pin.name), (name, pin, who, lowest[0]))
    assert len(found) > 60
    return list(found.values())


@pytest.mark.soak(few=40)
@pytest.mark.parametrize(("name", "pin", "who", "lowest"), bounds(), ids=lambda part: getattr(part, "name", part))
def test_a_pin_below_what_a_dependant_asks_for_is_reported(name, pin, who, lowest):
    below = "0.0.0a1"
    lines = entry(name, pin)
    text = TEXTS[name].replace(lines, lines.replace(f"=={pin.version}", f"=={below}", 1))
    package = METADATA.packages[pin.name, pin.version]
    metadata = Metadata(METADATA.locks, {**METADATA.packages, (pin.name, below): package})
    found = wrong(name, text, metadata)
    assert any(f"{pin.name} is pinned to {below}, but " in sentence for sentence in found), (who, lowest, found)


def test_a_pin_that_metadata_does_not_know_is_reported():
    assert wrong("render", TEXTS["render"].replace("click==", "click==1.")) != []


def test_a_dependency_that_was_added_without_a_new_lock_is_reported():
    roots = [*LOCKS["render"].roots(PYPROJECT), Requirement("left-pad>=1")]
    found = closure.problems("render", TEXTS["render"], roots, METADATA)
    assert any("left-pad is missing, which pyproject.toml needs" in sentence for sentence in found)


def test_a_package_that_nothing_needs_is_reported():
    extra = "yamllint==1.0 \\\n    --hash=sha256:00\n"
    package = METADATA.packages[next(iter(METADATA.packages))]
    metadata = Metadata(METADATA.locks, {**METADATA.packages, ("yamllint", "1.0"): package})
    assert any(
        "yamllint is in it, but nothing needs it" in sentence
        for sentence in wrong("render", TEXTS["render"] + extra, metadata)
    )


def test_metadata_that_is_older_than_the_lock_is_reported():
    found = closure.problems("render", TEXTS["render"] + "# changed\n", LOCKS["render"].roots(PYPROJECT), METADATA)
    assert found == ["render.lock: requirements/metadata.json is older than requirements/render.lock: run `make lock`"]


def test_two_locks_of_one_environment_may_not_disagree():
    changed = TEXTS["render"].replace("click==", "click==1.")
    assert any("click is pinned to 1." in sentence for sentence in closure.disagreements(changed, TEXTS["dev"]))


def test_a_line_that_is_no_pin_is_reported():
    assert any(
        "is not `name==version`: click>=8" in sentence for sentence in wrong("render", "click>=8 --hash=sha256:00\n")
    )


def test_metadata_names_no_registry():
    assert "://" not in "".join(
        json.dumps(package.wheels) + json.dumps(package.requires) for package in METADATA.packages.values()
    )
