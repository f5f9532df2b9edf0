"""The figures of a configuration for a program that counts with `prometheus-client`, so that they are among its own.

    from prometheus_client import REGISTRY

    REGISTRY.register(weft.client.Collector(config))

`config.asgi` answers `/metrics` with the same figures and without that library.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector as Base

from weft.client.health import figures

if TYPE_CHECKING:
    from weft.client.config import Config


class Collector(Base):
    """The figures of a configuration, whenever somebody asks the registry for them."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def collect(self) -> Iterator[Metric]:
        """One metric for each figure."""
        for each in figures(self._config.status):
            family = CounterMetricFamily if each.kind == "counter" else GaugeMetricFamily
            metric = family(each.name, each.about, labels=list(each.labels))
            metric.add_metric(list(each.labels.values()), each.value)
            yield metric
