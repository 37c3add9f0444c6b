"""Serves the rows of an exposition through prometheus_client: a custom collector, made afresh at each scrape.

Usage: serve.py FILE PORT. Label values need no unescaping in a simulated fleet.
"""

import sys
import time

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily

families = []
with open(sys.argv[1], encoding="utf-8") as file:
    for line in file:
        if line.startswith("# HELP "):
            _, _, name, help = line.rstrip("\n").split(" ", 3)
            families.append((name, help, []))
        elif not line.startswith("#") and "{" in line:
            head, value = line.rsplit("} ", 1)
            labels = [label.split('="', 1) for label in head.split("{", 1)[1].split('",')]
            families[-1][2].append(([name for name, _ in labels], [text.rstrip('"') for _, text in labels], float(value)))


class Fleet:
    def collect(self):
        for name, help, rows in families:
            if rows:
                family = GaugeMetricFamily(name, help, labels=rows[0][0])
                for _, values, value in rows:
                    family.add_metric(values, value)
                yield family


registry = CollectorRegistry(auto_describe=False)
registry.register(Fleet())
start_http_server(int(sys.argv[2]), "127.0.0.1", registry=registry)
time.sleep(3600)
