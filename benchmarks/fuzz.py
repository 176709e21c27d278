"""Give every parser damaged files for a while: each has to be read, or refused in one line.

    .venv/bin/python benchmarks/fuzz.py --seconds 60 --output benchmarks/fuzz.json

With atheris (Linux: pip install -e ".[fuzz]"), a coverage-guided fuzzer, each parser gets inputs
that reach new lines of it; without it, random changes of good files. Exits with 1 where a parser
raised what it does not say that it raises, was not done in 20 seconds, or took 3 GB; the input lies
beside the results then.
"""

from __future__ import annotations

import importlib.util
import json
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

INSTRUMENTED = ["napari_htcell", "tifffile", "roifile", "zipfile"]

HAS_GUIDE = importlib.util.find_spec("atheris") is not None


def _fuzz_one(name: str, seconds: float, base: Path, folder: Path) -> None:
    """Fuzz a parser in this process, which ends at the first fault."""
    if HAS_GUIDE:
        import atheris

        # Else nothing is known of the lines that an input reaches.
        with atheris.instrument_imports(include=INSTRUMENTED):
            import parsers
    else:
        import parsers
    parser, project = parsers.PARSERS[name], parsers.open_project(base)
    parsers.make_place(project, parser, folder)
    seeds = list(parser.seeds(project))
    if not HAS_GUIDE:
        click.echo(f"Done {parsers.fuzz_blindly(parser, seeds, folder, seconds)} runs")
        return
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(seeds):
        (corpus / str(number)).write_bytes(seed)
    options = [f"-max_total_time={round(seconds)}", "-timeout=20", "-rss_limit_mb=3000"]
    options += [f"-artifact_prefix={folder}/", "-max_len=20000", "-verbosity=1"]
    atheris.Setup(["fuzz", *options, str(corpus)], lambda data: parsers.feed(parser, folder, data))
    atheris.Fuzz()


def _fuzz_apart(name: str, seconds: float, base: Path, folder: Path, kept: Path) -> dict[str, Any]:
    """Fuzz a parser in a process of its own; return what became of it."""
    command = [sys.executable, __file__, "--target", name, "--seconds", str(seconds)]
    done = subprocess.run(
        [*command, "--base", str(base), "--folder", str(folder)],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    runs = [int(one) for one in re.findall(r"Done (\d+) runs|#(\d+)\s", done.stderr + done.stdout)
            for one in one if one]  # fmt: skip
    result: dict[str, Any] = {"inputs": max(runs, default=0), "fault": None}
    if done.returncode:
        said = re.search(r"Uncaught Python exception: ===\n(.*)|(ERROR: libFuzzer.*)", done.stderr)
        result["fault"] = said.group(0)[-300:] if said else done.stderr[-300:]
        for path in folder.glob("*-*"):
            if path.is_file():
                kept.mkdir(exist_ok=True)
                (kept / f"{name.replace(' ', '_')}-{path.name}").write_bytes(path.read_bytes())
    return result


@click.command()
@click.option("--seconds", default=60.0, show_default=True, help="For each parser.")
@click.option("--output", type=click.Path(path_type=Path), help="JSON file of the results.")
@click.option("--only", multiple=True, help="These parsers only.")
@click.option("--target", hidden=True)
@click.option("--base", type=click.Path(path_type=Path), hidden=True)
@click.option("--folder", type=click.Path(path_type=Path), hidden=True)
def main(
    seconds: float,
    output: Path | None,
    only: tuple[str, ...],
    target: str | None,
    base: Path | None,
    folder: Path | None,
) -> None:
    """Fuzz every parser."""
    if target is not None and base is not None and folder is not None:
        _fuzz_one(target, seconds, base, folder)
        return
    import parsers

    kept = (output or Path("build/fuzz.json")).resolve().with_suffix("")
    results = {}
    with tempfile.TemporaryDirectory() as place:
        made = parsers.make_base(Path(place) / "base").path
        for number, name in enumerate(only or parsers.PARSERS):
            results[name] = _fuzz_apart(name, seconds, made, Path(place) / str(number), kept)
            click.echo(f"{name}: {json.dumps(results[name])}")
    n_faults = sum(one["fault"] is not None for one in results.values())
    result = {
        "engine": "atheris, coverage-guided" if HAS_GUIDE else "random changes",
        "seconds_each": seconds,
        "inputs": sum(one["inputs"] for one in results.values()),
        "faults": n_faults,
        "parsers": results,
        "system": f"{platform.system()}, Python {platform.python_version()}",
    }
    if output is not None:
        output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    sys.exit(1 if n_faults else 0)


if __name__ == "__main__":
    main()
