"""Holds the rendered Helm chart against what will read it: check_chart.py CHART EXPORTER MANIFESTS VALUES...

Kubernetes' own schema, the chart's schema of values, promtool for the rules, the exporter for its configuration."""

import copy
import json
import pathlib
import subprocess
import sys
import tempfile

import jsonschema
import kubernetes_validate
import yaml

chart, exporter, manifests, *more = sys.argv[1:]
chart = pathlib.Path(chart)
documents = [document for document in yaml.safe_load_all(open(manifests)) if document]
kinds = [document["kind"] for document in documents]
ours = {"ServiceMonitor", "PrometheusRule"}
for document in documents:
    if document["kind"] not in ours:
        kubernetes_validate.validate(document, "1.30", strict=True)


def of_kind(kind):
    return [document for document in documents if document["kind"] == kind]


def merged(under, over):
    whole = copy.deepcopy(under)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(whole.get(key), dict)
        whole[key] = merged(whole[key], value) if both else value
    return whole


schema = json.load(open(chart / "values.schema.json"))
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
values = yaml.safe_load(open(chart / "values.yaml"))
for path in more:
    values = merged(values, yaml.safe_load(open(path)))
validator.validate(values)
for wrong in [{"shards": 0}, {"colour": "red"}, {"service": {"port": 0}}, {"config": {"credentials": {}}}]:
    assert not validator.is_valid(merged(values, wrong)), wrong

with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    for rules in of_kind("PrometheusRule"):
        (folder / "rules.yml").write_text(yaml.safe_dump(rules["spec"]))
        subprocess.run(["promtool", "check", "rules", folder / "rules.yml"], check=True, stdout=subprocess.DEVNULL)
    for config in of_kind("ConfigMap"):
        for name, text in config["data"].items():
            if name.endswith(".json"):
                json.loads(text)
            elif values["config"]["projects"]:
                (folder / name).write_text(text)
                command = [exporter, "check", "--offline", "--config.file", folder / name]
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

workload = (of_kind("Deployment") + of_kind("StatefulSet"))[0]
deployment = workload["spec"]["template"]["spec"]
claims = {claim["metadata"]["name"] for claim in workload["spec"].get("volumeClaimTemplates", [])}
container = deployment["containers"][0]
mounts = {mount["name"] for mount in container["volumeMounts"]}
assert mounts == {volume["name"] for volume in deployment["volumes"]} | claims, mounts
assert deployment["securityContext"]["runAsNonRoot"] and container["securityContext"]["readOnlyRootFilesystem"]
service = of_kind("Service")[0]["spec"]["selector"]
assert service.items() <= workload["spec"]["template"]["metadata"]["labels"].items()
print(" ".join(sorted(kinds)))
