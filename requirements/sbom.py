"""`make sbom`: what the wheel of Weft depends on, as a CycloneDX document in `dist/`.

Built from the lock and `metadata.json` alone, so it names exactly the versions that Weft is tested with, and no registry.
Packages that only an extra needs have the scope `optional`.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement

from closure import FOLDER, METADATA, SUPPORTED, Lock, Metadata, Package, needed, read_lock
from weft import __version__ as weft_version

LICENCES: Final = LicenseFactory()


def component(package: Package, *, optional: bool) -> Component:
    """One package: its name, version, license, address (purl) and the hashes of its wheels."""
    purl = PackageURL("pypi", name=package.name, version=package.version)
    digests = sorted({wheel["sha256"] for wheel in package.wheels.values()})
    return Component(
        type=ComponentType.LIBRARY,
        name=package.name,
        version=package.version,
        bom_ref=purl.to_string(),
        purl=purl,
        scope=ComponentScope.OPTIONAL if optional else ComponentScope.REQUIRED,
        licenses=[LICENCES.make_from_string(package.license)],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in digests],
    )


def packages_of(roots: Iterable[Requirement], metadata: Metadata) -> dict[str, Package]:
    """The packages that requirements lead to on the supported platforms, by name and version."""
    locks = ("dask", "dev")  # together, they hold all extras; where both hold a package, what the tests run with counts
    pins = [pin for lock in locks for pin in read_lock((FOLDER / f"{lock}.lock").read_text("utf-8"))]
    found = {}
    for environment in SUPPORTED:
        here = {pin.name: pin for pin in pins if pin.applies(environment)}
        for _, need in needed(environment, here, list(roots), metadata):
            pin = here[need.name]
            found[f"{pin.name} {pin.version}"] = metadata.packages[pin.name, pin.version]
    return found


def document() -> str:
    """The document as JSON."""
    pyproject = tomllib.loads((FOLDER.parent / "pyproject.toml").read_text("utf-8"))
    metadata = Metadata.read(METADATA.read_text("utf-8"))
    always = packages_of(Lock(project=True).roots(pyproject), metadata)
    sometimes = packages_of(Lock(project=True, extras=("*",)).roots(pyproject), metadata)
    weft = Component(type=ComponentType.APPLICATION, name="weft", version=weft_version, bom_ref="weft")
    bom = Bom(components=[component(package, optional=key not in always) for key, package in sorted(sometimes.items())])
    bom.metadata.component = weft
    bom.register_dependency(weft, bom.components)
    return JsonV1Dot6(bom).output_as_string(indent=1)


def main(target: Path) -> None:
    """Write the document."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(document(), "utf-8")
    print(target)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
