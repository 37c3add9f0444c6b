"""Reads a file with the strict OpenMetrics parser of prometheus_client; fails as it fails.

Usage: read_openmetrics.py FILE
Prints the number of families and of samples.
"""

import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families

with open(sys.argv[1], encoding="utf-8", newline="") as file:
    families = list(text_string_to_metric_families(file.read()))
assert families, "nothing was read"
print(len(families), sum(len(family.samples) for family in families))
