"""The forms that a network can be computed in on a processor, timed against the one in use.

    .venv/bin/python benchmarks/network_forms.py --threads 1 --output network_forms.json
    ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 .venv/bin/python benchmarks/network_forms.py \
        --threads 1 --output network_forms_avx2.json

The second is what a processor with AVX2 alone does, without bfloat16. The input is noise of the
size that an image of 2048 x 1532 pixels has for the network. ONNX Runtime and OpenVINO are timed
where both are installed (`pip install onnxruntime openvino onnx onnxscript`, best into an
environment of their own); TorchScript and `torch.compile` with --compiled. On one thread seconds
are those of the processor, which other programs hardly change.
"""

from __future__ import annotations

import copy
import json
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from napari_htcell import models, processes
from napari_htcell.cards import software
from napari_htcell.device import place
from napari_htcell.frame import frame_image
from napari_htcell.network import Network

CPU = torch.device("cpu")
SHAPE, PIXEL_SIZE_UM = (1532, 2048), 1.61


Form = Callable[[torch.Tensor], torch.Tensor]


def as_onnx(network: Network, seen: torch.Tensor, folder: Path) -> Path:
    """Write a network as ONNX."""
    path = folder / "network.onnx"
    torch.onnx.export(network, (seen,), path, dynamo=True, external_data=False, verbose=False)
    return path


def of_onnxruntime(path: Path) -> Form:
    """Return a network as ONNX Runtime computes it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda image: torch.from_numpy(session.run(None, {name: image.numpy()})[0])


def of_openvino(path: Path, number_format: str) -> Form:
    """Return a network as OpenVINO computes it, in "f32" or "bf16".

    By way of ONNX: what OpenVINO 2026.4 makes of the network itself computes something else.
    """
    import openvino

    threads = {"INFERENCE_NUM_THREADS": torch.get_num_threads()}
    settings = threads | {"INFERENCE_PRECISION_HINT": number_format}
    compiled = openvino.compile_model(openvino.convert_model(path), "CPU", settings)
    return lambda image: torch.from_numpy(compiled(image.numpy())[0])


def compiled_forms(network: Network, seen: torch.Tensor) -> dict[str, tuple[Any, torch.Tensor]]:
    """Return what PyTorch's own compilers make of a network."""
    with torch.inference_mode():
        script: Any = torch.jit.trace(network, seen)
        return {
            "TorchScript, optimised for inference": (
                torch.jit.optimize_for_inference(script),
                seen,
            ),
            "torch.compile": (torch.compile(network), seen),
        }


def forms_of(
    network: Network, seen: torch.Tensor, *, compiled: bool = False
) -> dict[str, tuple[Any, torch.Tensor]]:
    """Return each form with its input; the one that detection uses comes first."""
    plain, quick = copy.deepcopy(network), network.for_detection()
    in_use = place(copy.deepcopy(quick), CPU)
    half = place(copy.deepcopy(quick), CPU).bfloat16()
    plain_order = copy.deepcopy(quick).to(memory_format=torch.contiguous_format)
    forms: dict[str, tuple[Any, torch.Tensor]] = {
        "in use: folded, channels last": (in_use, seen),
        "as trained": (plain.to(memory_format=torch.contiguous_format), seen),
        "as trained, channels last": (place(copy.deepcopy(network), CPU), seen),
        "folded": (plain_order, seen),
        "folded, channels last, bfloat16": (half, seen.bfloat16()),
    }
    if compiled:
        forms |= compiled_forms(place(copy.deepcopy(quick), CPU), seen)
    if find_spec("onnxruntime") and find_spec("openvino"):
        with tempfile.TemporaryDirectory() as folder:
            path = as_onnx(plain_order, seen, Path(folder))
            forms["ONNX Runtime, folded"] = of_onnxruntime(path), seen
            for number_format in ("f32", "bf16"):
                form = of_openvino(path, number_format)
                forms[f"OpenVINO, folded, {number_format}"] = form, seen
    return forms


def clock() -> Callable[[], float]:
    """Return what to measure by: on one thread the processor, which others hardly change."""
    return time.process_time if torch.get_num_threads() == 1 else time.perf_counter


def measure_forms(
    network: Network, seen: torch.Tensor, repeats: int, *, compiled: bool = False
) -> dict[str, dict[str, Any]]:
    """Return each form's seconds, its ratio to the form in use, and the largest difference.

    Parameters
    ----------
    network : Network
        On the processor.
    seen : Tensor of float, shape (1, 1, Y, X)
    repeats : int
        Turns of which medians are taken, after one to warm up.
    compiled : bool, optional
        Whether to time what PyTorch's own compilers make of it too, which takes minutes.

    Returns
    -------
    dict
        `difference` is that of the heat map from the first form's, 0 to 1.
    """
    forms = forms_of(network.eval(), seen, compiled=compiled)
    seconds: dict[str, list[float]] = {name: [] for name in forms}
    heat: dict[str, torch.Tensor] = {}
    now = clock()
    with torch.inference_mode():
        for turn in range(repeats + 1):
            for name, (form, image) in forms.items():
                start = now()
                logits = form(image)
                if turn:
                    seconds[name].append(now() - start)
                heat[name] = logits.float().sigmoid()
    first = next(iter(forms))
    return {
        name: {
            "seconds": float(np.median(took)),
            "ratio": float(np.median(np.asarray(took) / np.asarray(seconds[first]))),
            "difference": float((heat[name] - heat[first]).abs().max()),
        }
        for name, took in seconds.items()
    }


@click.command()
@click.option("--model", "names", multiple=True, default=("B", "E"), show_default=True)
@click.option("--repeats", default=5, show_default=True, help="Turns of which medians are taken.")
@click.option("--threads", default=None, type=int, help="Of each library.  [default: torch's own]")
@click.option("--compiled", is_flag=True, help="Time PyTorch's own compilers too.")
@click.option("--output", type=click.Path(path_type=Path), default=None, help="JSON file to write.")
def main(
    names: tuple[str, ...],
    repeats: int,
    threads: int | None,
    compiled: bool,
    output: Path | None,
) -> None:
    """Print what each form takes, the one in use being 1."""
    if threads is not None:
        torch.set_num_threads(threads)
    results: dict[str, Any] = {}
    for name in names:
        model = models.load_model(name)
        um = model.card.training.pixel_size_um
        shape = frame_image(SHAPE, PIXEL_SIZE_UM, network_pixel_size_um=um).network_shape
        seen = torch.randn(1, 1, *shape, generator=torch.Generator().manual_seed(0))
        results[name] = measure_forms(model.network, seen, repeats, compiled=compiled)
        for form, one in results[name].items():
            click.echo(
                f"{name}, {form}: {one['seconds']:.3f} s, {one['ratio']:.2f}, "
                f"differs {one['difference']:.1g}"
            )
    if output is not None:
        results["threads"], results["cores"] = torch.get_num_threads(), processes.cores()
        results["capability"] = torch.backends.cpu.get_cpu_capability()
        output.write_text(json.dumps(results | {"software": software()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
