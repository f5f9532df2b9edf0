"""`weft history` and `weft rollback` on a real API server."""

import base64
import gzip
import json

import pytest

pytestmark = pytest.mark.cluster

NAMESPACE = "shop-test"


def history(shop, name="test"):
    return json.loads(shop.weft("history", name, "--format", "json").out)


def stripped(objects):
    """The objects without what the server and Weft count."""
    kept = {}
    for name, one in objects.items():
        metadata = {key: one["metadata"].get(key) for key in ("name", "namespace", "labels", "annotations")}
        kept[name] = {"metadata": metadata, **{key: one[key] for key in ("data", "spec", "type") if key in one}}
    return kept


def test_every_deploy_leaves_a_revision_with_its_reason(shop):
    shop.deploy("test", "--reason", "the first one")
    shop.set("base", motto="two")
    shop.deploy("test", "--reason", "JIRA-7")
    found = history(shop)
    assert [(one["number"], one["reason"], one["outcome"]) for one in found] == [
        (1, "the first one", "deployed"),
        (2, "JIRA-7", "deployed"),
    ]
    assert found[1]["summary"]["change"] == 1
    assert "JIRA-7" in shop.weft("history", "test").out
    said = shop.weft("history", "test", "--setting", "app.motto").out
    assert '"buy more" -> "two"' in said


def test_a_rollback_makes_everything_what_it_was_and_pins_the_target(shop):
    shop.set("base", extra=True, labels={"old": "1"})
    shop.deploy("test")
    before = stripped(shop.objects())
    shop.set("base", extra=False, labels={}, motto="other", port=9000)
    shop.configure(prune=90)
    shop.deploy("test")
    assert stripped(shop.objects()) != before
    shop.weft("rollback", "test", "--yes", "--timeout", "0", "--reason", "it broke")
    assert stripped(shop.objects()) == before
    assert history(shop)[-1]["restores"] == 1
    said = shop.deploy("test", code=1)
    assert "test is pinned to revision 1" in said.err
    assert stripped(shop.objects()) == before
    shop.deploy("test", "--unpin")
    assert shop.cluster.read("ConfigMap", NAMESPACE, "shop")["data"]["PORT"] == "9000"


def test_a_rollback_needs_neither_templates_nor_valid_overlays_of_then(shop):
    shop.deploy("test")
    before = stripped(shop.objects())
    template = shop.folder / "templates" / "app.yaml.j2"
    template.write_text(template.read_text().replace("MOTTO", "SAYING"))
    shop.deploy("test")
    assert stripped(shop.objects()) != before
    shop.weft("rollback", "test", "1", "--yes", "--timeout", "0")
    assert stripped(shop.objects()) == before


def test_a_rule_about_the_old_value_can_forbid_a_rollback(shop):
    shop.deploy("test")
    shop.set("base", size=5, motto="bigger")
    shop.deploy("test")
    said = shop.weft("rollback", "test", "--yes", "--timeout", "0", code=1)
    assert "the size never shrinks" in said.err
    assert shop.cluster.read("ConfigMap", NAMESPACE, "shop")["data"]["MOTTO"] == "bigger"


def test_a_second_rollback_goes_further_back_and_a_heal_is_no_state_of_its_own(shop):
    for number in range(1, 4):
        shop.set("base", motto=f"number {number}")
        shop.deploy("test")
    shop.cluster.patch("ConfigMap", NAMESPACE, "shop", {"data": {"MOTTO": "by hand"}})
    shop.weft("drift", "test", "--heal", "--timeout", "0")
    for number in (2, 1):
        shop.weft("rollback", "test", "--yes", "--timeout", "0")
        assert shop.cluster.read("ConfigMap", NAMESPACE, "shop")["data"]["MOTTO"] == f"number {number}"
    assert "no revision to go back to" in shop.weft("rollback", "test", "--yes", code=2).err


def test_a_rollback_to_what_is_there_pins_it(shop):
    shop.deploy("test")
    shop.weft("rollback", "test", "1", "--yes", "--timeout", "0")
    shop.set("base", motto="new")
    assert "is pinned to revision 1" in shop.deploy("test", code=1).err


def test_a_plan_knows_that_a_target_is_pinned(shop):
    shop.deploy("test")
    shop.set("base", motto="new")
    shop.deploy("test")
    shop.weft("rollback", "test", "--yes", "--timeout", "0")
    assert "test is pinned to revision 1" in shop.weft("plan", "test", code=1).err
    assert "test is pinned to revision 1" in shop.weft("plan", "test", "--server", code=1).err
    shop.set("base", motto="buy more")
    shop.weft("plan", "test")


def test_the_revision_to_which_a_target_is_pinned_is_kept(shop):
    shop.configure(revisions=2)
    for number in range(2):
        shop.set("base", motto=f"number {number}")
        shop.deploy("test")
    shop.weft("rollback", "test", "1", "--yes", "--timeout", "0")
    shop.cluster.patch("ConfigMap", NAMESPACE, "shop", {"data": {"MOTTO": "by hand"}})
    shop.weft("drift", "test", "--heal", "--timeout", "0")
    assert [one["number"] for one in history(shop)] == [1, 3, 4]
    assert "number 0" in shop.weft("config", "test", "--revision", "1").out


def test_a_rollback_without_a_way_back_names_the_revisions(shop):
    shop.deploy("test")
    assert (
        "`weft rollback test REVISION` deploys one of `1` again" in shop.weft("rollback", "test", "--yes", code=2).err
    )


def test_the_history_of_another_project_is_not_shown(shop):
    shop.deploy("test")
    file = shop.folder / "weft.yaml"
    file.write_text(file.read_text().replace("project: shop", "project: other"))
    assert "is the inventory of the project `shop`" in shop.weft("history", "test", code=3).err
    assert "is the inventory of the project `shop`" in shop.weft("rollback", "test", "1", "--yes", code=3).err


def test_only_the_last_revisions_are_kept(shop):
    shop.configure(revisions=3)
    for number in range(6):
        shop.set("base", motto=f"number {number}")
        shop.deploy("test")
    assert [one["number"] for one in history(shop)] == [4, 5, 6]
    names = [name for name in shop.cluster.names("ConfigMap", NAMESPACE) if "revision" in name]
    assert len(names) == 6


def test_a_revision_may_be_larger_than_an_object_of_the_server(shop):
    lines = {
        f"line{number}": "".join(chr(97 + (number * 7 + place * place) % 26) for place in range(9000))
        for number in range(100)
    }
    template = shop.folder / "templates" / "extra.yaml.j2"
    text = template.read_text()
    shop.set("base", extra=True, lines=lines)
    template.write_text(text + "".join(text.replace("-extra", f"-extra{n}").join(("---\n", "")) for n in range(2)))
    shop.deploy("test")
    shop.set("base", lines={"a": "1"})
    shop.deploy("test")
    shop.weft("rollback", "test", "--yes", "--timeout", "0")
    assert shop.cluster.read("ConfigMap", NAMESPACE, "shop")["data"]["line7"] == lines["line7"]


def test_a_revision_without_its_parts_is_refused(shop):
    shop.deploy("test")
    shop.set("base", motto="two")
    shop.deploy("test")
    shop.cluster.delete("ConfigMap", NAMESPACE, "weft-test-revision-1-0")
    said = shop.weft("rollback", "test", "1", "--yes", code=3)
    assert "its part 1 of 1 is missing" in said.err
    assert "has no revision 9" in shop.weft("rollback", "test", "9", "--yes", code=2).err


def test_a_revision_is_exported_and_deployed_again_without_a_secret_in_it(shop, tmp_path):
    shop.deploy("test")
    before = stripped(shop.objects())
    folder = tmp_path / "backup"
    shop.weft("history", "test", "--export", folder)
    assert "canary" not in "".join(path.read_text() for path in folder.rglob("*") if path.is_file())
    shop.set("base", motto="two")
    shop.deploy("test")
    shop.deploy("test", "--from", folder)
    assert stripped(shop.objects()) == before


def test_a_project_may_demand_a_reason(shop):
    shop.configure(reason=True)
    assert "a deploy of this project needs a reason" in shop.deploy("test", code=2).err
    shop.deploy("test", "--reason", "because")


def test_no_secret_is_in_what_weft_keeps(shop):
    shop.deploy("test", "test/*")
    shop.set("base", motto="two")
    shop.deploy("test", "test/*")
    kept = shop.cluster.items("ConfigMap", NAMESPACE)
    for one in kept:
        texts = [json.dumps(one)]
        texts += [gzip.decompress(base64.b64decode(chunk)).decode() for chunk in one.get("binaryData", {}).values()]
        assert not [text for text in texts if "canary" in text]
    assert any("revision" in one["metadata"]["name"] for one in kept)
