"""What a run depended on outside its configuration: versions, machine, commit."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("vdit", "torch", "diffusers", "transformers", "open_clip_torch", "ray", "deepspeed", "mlflow", "optuna", "pandas", "numpy")


def commit(folder: Path) -> str:
    """The git commit of the checkout that `folder` is in, with "+dirty" where files differ from it; "" outside a checkout."""
    if not any((parent / ".git").exists() for parent in (folder, *folder.parents)):
        return ""
    run = ["git", "-C", str(folder)]
    head = subprocess.run([*run, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    if head.returncode:
        return ""
    status = subprocess.run([*run, "status", "--porcelain", "--untracked-files=no"], capture_output=True, text=True, check=False)
    return head.stdout.strip() + ("+dirty" if status.stdout.strip() else "")


def describe() -> dict[str, object]:
    """Versions, interpreter and machine size; names no host and no path."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "absent"
    return {"python": platform.python_version(), "system": platform.system(), "cores": os.cpu_count(), "packages": versions}
