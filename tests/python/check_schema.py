"""Holds configurations against config/exporter.schema.json: check_schema.py SCHEMA GOOD... ; examples must pass too, and
each with a key that nobody knows must not."""

import copy
import json
import re
import sys

import jsonschema
import yaml



class Yaml12(yaml.SafeLoader):
    """YAML 1.2, as the exporter reads it: `on` and `off` are words."""


Yaml12.yaml_implicit_resolvers = {
    first: [rule for rule in rules if rule[0] != "tag:yaml.org,2002:bool"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Yaml12.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), list("tf"))

schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
good = [yaml.load(open(path), Loader=Yaml12) for path in sys.argv[2:]] + schema["examples"]
for configuration in good:
    validator.validate(configuration)


def objects(value):
    """Every mapping within, but those whose keys are names."""
    if isinstance(value, dict):
        yield value
        for key, inner in value.items():
            inner = list(inner.values()) if key == "credentials" and isinstance(inner, dict) else inner
            if key != "encoding":
                yield from objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from objects(inner)


spoilt = 0
for example in schema["examples"]:
    for place in range(len(list(objects(example)))):
        wrong = copy.deepcopy(example)
        list(objects(wrong))[place]["colour"] = "red"
        assert not validator.is_valid(wrong), wrong
        spoilt += 1
print(len(good), "good,", spoilt, "spoilt")
