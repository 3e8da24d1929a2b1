"""The command of the cluster, `ray submit cluster.yaml sweep.py [-- STUDY ...]`: runs studies, then writes their tables and reports.

It runs on the head node and calls what `vdit run`, `vdit tables` and `vdit report` call. Studies are names or paths in the project that
`ray up` synced there; without any it is `ablation`, the paper's own. Data, weights and results are in a folder that every node sees.
"""

import argparse
import os
import sys
from hashlib import sha256
from pathlib import Path

import vdit
from vdit.cli import main
from vdit.config.code import code_digest
from vdit.schedule import standing
from vdit.study import spec

PROJECT = Path(vdit.__file__).resolve().parents[2]
AUTOSCALING = "~/ray_bootstrap_config.yaml"  # where `ray up` leaves what the autoscaler reads
BAD_INPUT, INTERRUPTED = 2, 130


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument(
        "studies", nargs="*", default=["ablation"], metavar="STUDY", help="a name in experiments/, or a path in the project"
    )
    parser.add_argument("--shared", type=Path, default=os.environ.get("VDIT_SHARED"), help="folder that every node sees")
    parser.add_argument("--data", help="folder of the benchmark; else SHARED/data/<benchmark> where that is")
    parser.add_argument("--weights", help="folder of the frozen networks; else those that the study names, or SHARED/weights where that is")
    parser.add_argument("--start", help="file of trained parameters to go on from")
    parser.add_argument("--workers", help="DeepSpeed workers a trial")
    given = parser.parse_args(arguments)
    if given.shared is None:
        parser.error("no folder that every node sees; give --shared DIR or set VDIT_SHARED (cluster/setup.sh does)")
    return given


def run_options(study: spec.Study, given: argparse.Namespace) -> list[str]:
    """What `vdit run` is told of the cluster. A study that names its weights keeps them."""
    usual = {
        "data": given.shared / "data" / study.base.data.benchmark,
        "weights": given.shared / "weights",
        "autoscaling": Path(AUTOSCALING).expanduser(),
    }
    own = {"weights"} if study.base.launch.weights else set()
    options: dict[str, object] = {name: place for name, place in usual.items() if name not in own and place.exists()}
    options |= {name: value for name in ("data", "weights", "start", "workers") if (value := getattr(given, name)) is not None}
    return [word for name, value in options.items() for word in (f"--{name}", str(value))]


def started(study: spec.Study, runs: Path) -> tuple[int, int] | None:
    """Another after a trial of the study has started: a driver writes the file anew, by renaming, at each start and end."""
    try:
        seen = (runs / "studies" / study.study / standing.RUNNING).stat()
    except FileNotFoundError:
        return None
    return seen.st_mtime_ns, seen.st_ino


def sweep(study: spec.Study, given: argparse.Namespace) -> int:
    """The worst exit code of the three commands. Trials that failed still get their tables, which name them.

    Bad input that stops the study before a trial starts ends it at once; bad input that only some trials met does not.
    """
    runs, uri = given.shared / "runs", os.environ.get("MLFLOW_TRACKING_URI", "")
    options = run_options(study, given)
    print(f"{study.study}: {study.path.resolve()}, SHA-256 {sha256(study.path.read_bytes()).hexdigest()}")
    print(f"code {code_digest()[:16]} in {PROJECT}; {' '.join(options) or 'no data or weights of its own'}; results in {runs}", flush=True)
    shared, record = ["--runs", str(runs)], ["--tracking-uri", uri]
    before = started(study, runs)
    code = main([*shared, "run", str(study.path), "--address", "auto", *record, *options])
    if code in (0, 1) or (code == BAD_INPUT and started(study, runs) != before):
        code = max([code, *(main([*shared, command, str(study.path), *record]) for command in ("tables", "report"))])
    return code


def all_of(arguments: list[str]) -> int:
    """Every study is read before the first one starts."""
    given = parse(arguments)
    os.chdir(PROJECT)
    try:
        studies = [spec.read(name) for name in given.studies]
    except ValueError as error:
        print(f"sweep: {error}", file=sys.stderr)
        return 2
    codes: list[int] = []
    for study in studies:
        codes.append(sweep(study, given))
        if codes[-1] == INTERRUPTED:
            break
    return max(codes)


if __name__ == "__main__":
    sys.exit(all_of(sys.argv[1:]))
