"""pipelines/cluster/: what can be known of a launcher without a cluster. Names and types of every field, the scripts, the dry run.

Kubernetes' own part (pods) is held against the types of its Python client; KubeRay's part against the fields of its API, version 1.2
(ray-project/kuberay, ray-operator/apis/ray/v1), listed here as far as such files use them.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from euro_curate.resources import bundled

FOLDER = Path(str(bundled("pipelines", "cluster")))
MANIFESTS = sorted(path.name for path in FOLDER.glob("kuberay-*.yaml"))
SCRIPTS = ("ray-job.sh", "slurm.sbatch")

# Field -> a Python type, the name of another type here, [type] for a list, "pod" for Kubernetes' pod template, or {str: str}.
KUBERAY: dict[str, dict[str, Any]] = {
    "RayJob": {"apiVersion": str, "kind": str, "metadata": "Metadata", "spec": "RayJobSpec"},
    "RayCluster": {"apiVersion": str, "kind": str, "metadata": "Metadata", "spec": "RayClusterSpec"},
    "Metadata": {"name": str, "namespace": str, "labels": dict, "annotations": dict},
    "RayJobSpec": {
        "activeDeadlineSeconds": int,
        "backoffLimit": int,
        "rayClusterSpec": "RayClusterSpec",
        "submitterPodTemplate": "pod",
        "metadata": dict,
        "clusterSelector": dict,
        "entrypoint": str,
        "runtimeEnvYAML": str,
        "jobId": str,
        "submissionMode": str,
        "entrypointResources": str,
        "entrypointNumCpus": (int, float),
        "ttlSecondsAfterFinished": int,
        "shutdownAfterJobFinishes": bool,
        "suspend": bool,
    },
    "RayClusterSpec": {
        "headGroupSpec": "HeadGroupSpec",
        "workerGroupSpecs": ["WorkerGroupSpec"],
        "rayVersion": str,
        "enableInTreeAutoscaling": bool,
        "autoscalerOptions": "AutoscalerOptions",
        "headServiceAnnotations": dict,
        "suspend": bool,
    },
    "AutoscalerOptions": {"idleTimeoutSeconds": int, "upscalingMode": str, "image": str, "resources": dict},
    "HeadGroupSpec": {"serviceType": str, "enableIngress": bool, "rayStartParams": {str: str}, "template": "pod"},
    "WorkerGroupSpec": {
        "groupName": str,
        "replicas": int,
        "minReplicas": int,
        "maxReplicas": int,
        "numOfHosts": int,
        "rayStartParams": {str: str},
        "template": "pod",
    },
}
REQUIRED = {
    "RayJob": {"apiVersion", "kind", "metadata", "spec"},
    "RayCluster": {"apiVersion", "kind", "metadata", "spec"},
    "RayClusterSpec": {"headGroupSpec"},
    "HeadGroupSpec": {"rayStartParams", "template"},
    "WorkerGroupSpec": {"groupName", "minReplicas", "maxReplicas", "rayStartParams", "template"},
}


def faults(value: Any, kind: Any, where: str) -> Iterator[str]:
    """Everything about `value` that does not fit `kind`, as `path: what`."""
    if kind == "pod":
        yield from pod_faults(value, "V1PodTemplateSpec", where)
    elif isinstance(kind, list):
        for i, item in enumerate(value):
            yield from faults(item, kind[0], f"{where}[{i}]")
    elif isinstance(kind, str):
        for missing in sorted(REQUIRED.get(kind, set()) - set(value)):
            yield f"{where}: no {missing}"
        for name, item in value.items():
            if name in KUBERAY[kind]:
                yield from faults(item, KUBERAY[kind][name], f"{where}.{name}")
            else:
                yield f"{where}: unknown field {name}"
    elif kind == {str: str}:
        yield from (f"{where}.{k}: {v!r} is no string" for k, v in value.items() if not isinstance(v, str))
    elif not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        yield f"{where}: {value!r} is no {kind}"


def pod_faults(value: Any, kind: str, where: str) -> Iterator[str]:
    """The same for a type of Kubernetes' API, by its client's own tables."""
    from kubernetes.client import models

    if inner := re.fullmatch(r"[Ll]ist\[(.+)\]", kind):
        for i, item in enumerate(value):
            yield from pod_faults(item, inner.group(1), f"{where}[{i}]")
    elif inner := re.fullmatch(r"(?:dict\(|Dict\[)str, (.+)[)\]]", kind):
        for name, item in value.items():
            yield from pod_faults(item, inner.group(1), f"{where}.{name}")
    elif model := getattr(models, kind, None):
        names = {wire: own for own, wire in model.attribute_map.items()}
        for name, item in value.items():
            if name in names:
                yield from pod_faults(item, model.openapi_types[names[name]], f"{where}.{name}")
            else:
                yield f"{where}: unknown field {name}"
    else:
        expected = {"str": str, "int": int, "bool": bool}.get(kind)
        if expected and (not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool)):
            yield f"{where}: {value!r} is no {kind}"


def all_faults(manifest: Any) -> list[str]:
    return list(faults(manifest, manifest["kind"], manifest["kind"]))


@pytest.mark.parametrize("name", MANIFESTS)
def test_every_field_is_one_that_kuberay_or_kubernetes_knows(name: str) -> None:
    manifest = yaml.safe_load((FOLDER / name).read_text("utf-8"))
    assert manifest["apiVersion"] == "ray.io/v1"
    assert all_faults(manifest) == []


def test_a_misspelt_field_a_wrong_type_and_a_missing_one_are_seen() -> None:
    manifest = yaml.safe_load((FOLDER / "kuberay-rayjob.yaml").read_text("utf-8"))
    spec = manifest["spec"]
    spec["backofLimit"] = spec.pop("backoffLimit")
    head = spec["rayClusterSpec"]["headGroupSpec"]
    head["rayStartParams"]["num-cpus"] = 0
    head["template"]["spec"]["containers"][0]["resource"] = {}
    head["template"]["spec"]["terminationGracePeriodSeconds"] = "60"
    del spec["rayClusterSpec"]["workerGroupSpecs"][0]["groupName"]
    found = "\n".join(all_faults(manifest))
    for fault in ("backofLimit", "num-cpus: 0 is no string", "field resource", "'60' is no int", "no groupName"):
        assert fault in found
    assert len(found.splitlines()) == 5


@pytest.mark.parametrize("name", MANIFESTS)
def test_every_container_and_the_job_notice_a_silently_lost_node(name: str) -> None:
    manifest = yaml.safe_load((FOLDER / name).read_text("utf-8"))
    cluster = manifest["spec"].get("rayClusterSpec", manifest["spec"])
    wanted = yaml.safe_load((FOLDER / "runtime_env.yaml").read_text("utf-8"))["env_vars"]
    keepalive = {key: value for key, value in wanted.items() if "keepalive" in key}
    assert len(keepalive) == 2
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        for container in group["template"]["spec"]["containers"]:
            assert {e["name"]: e["value"] for e in container["env"]} == keepalive
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    if "runtimeEnvYAML" in manifest["spec"]:
        assert keepalive.items() <= yaml.safe_load(manifest["spec"]["runtimeEnvYAML"])["env_vars"].items()


def test_ray_takes_the_runtime_environment() -> None:
    from ray.runtime_env import RuntimeEnv

    raw = yaml.safe_load((FOLDER / "runtime_env.yaml").read_text("utf-8"))
    assert RuntimeEnv(**raw).env_vars() == raw["env_vars"]
    with pytest.raises((TypeError, ValueError)):
        RuntimeEnv(env_vars={"RAY_grpc_client_keepalive_time_ms": 20000})  # numbers must be written as strings


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_parse(name: str) -> None:
    subprocess.run(["bash", "-n", str(FOLDER / name)], check=True)


@pytest.mark.skipif(
    shutil.which("shellcheck") is None, reason="shellcheck is not installed: apt-get install shellcheck"
)
@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_pass_shellcheck(name: str) -> None:
    done = subprocess.run(
        ["shellcheck", "--shell=bash", str(FOLDER / name)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_the_job_script_prints_its_command_and_gives_each_output_a_name_of_its_own() -> None:
    def dry(output: str, **env: str) -> list[str]:
        command = ["bash", str(FOLDER / "ray-job.sh"), "web", "s3://b/crawl/", output, "--languages", "mt,ga"]
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, env=os.environ | {"DRY_RUN": "1"} | env
        )
        return done.stdout.split()

    words = dry("s3://b/out")
    assert words[:3] == ["ray", "job", "submit"]
    ours = words[words.index("--") + 1 :]
    assert ours[:3] == ["euro-curate", "run", "web"] and ours[-2:] == ["--languages", "mt\\,ga"]
    assert "--address" in ours and "s3://b/out" in ours
    name = words[words.index("--submission-id") + 1]
    assert name in dry("s3://b/out")  # a second job on the same output is refused by Ray ...
    assert name not in dry("s3://b/out", ATTEMPT="2")  # ... unless it is meant
    assert name not in dry("s3://b/other")


def test_the_job_script_without_arguments_says_how_it_is_used() -> None:
    done = subprocess.run(["bash", str(FOLDER / "ray-job.sh")], check=False, capture_output=True, text=True)
    assert done.returncode == 2 and "ray-job.sh web s3://" in done.stderr


def test_the_run_command_takes_every_option_that_launchers_give() -> None:
    from euro_curate.cli import main

    known = {option for parameter in main.commands["run"].params for option in parameter.opts}
    for path in FOLDER.iterdir():
        for command in re.findall(r"euro-curate run (.+)", path.read_text("utf-8")):
            used = set(re.findall(r"(?<!\S)--[a-z][a-z-]+", command))
            assert used <= known, f"{path.name}: {sorted(used - known)}"
