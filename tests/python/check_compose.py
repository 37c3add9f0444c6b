"""Holds compose files against the Compose Specification's own schema, as docker-compose ships it: check_compose.py FILE..."""

import importlib.util
import json
import pathlib
import sys

import jsonschema
import yaml

package = pathlib.Path(importlib.util.find_spec("compose").origin).parent
schema = json.loads((package / "config/compose_spec.json").read_text())
validator = jsonschema.Draft7Validator(schema)
for path in sys.argv[1:]:
    compose = yaml.safe_load(open(path))
    # Newer than that copy of the schema.
    compose.pop("name", None)
    validator.validate(compose)
    for name in compose["services"]:
        wrong = {**compose, "services": {**compose["services"], name: {"colour": "red"}}}
        assert not validator.is_valid(wrong), name
print("good")
