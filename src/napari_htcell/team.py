"""Training on several devices, with the result of one: each takes a part of every batch.

Every device has a process with the same loop, `training.train_network`; what differs is the
learner. Its gradients are averaged over all by DDP, batch normalisation sees the whole batch, and
the loss is that of the whole batch. Lightning Fabric brings devices, number formats and DDP
together. This process only says "one more step" or "stop", and reads the reports.
"""

from __future__ import annotations

import copy
import logging
import multiprocessing
import os
import pickle
import socket
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing.connection import Connection, wait
from typing import Any

import numpy.typing as npt
import torch

from napari_htcell import checkpoint, processes
from napari_htcell.device import place
from napari_htcell.learner import Learner
from napari_htcell.network import Network
from napari_htcell.progress import Progress
from napari_htcell.team_learner import TeamLearner, with_shared_statistics
from napari_htcell.training import Keeper, Lesson, train_network
from napari_htcell.versions import Stage

HOST = "127.0.0.1"
SECONDS_TO_END = 5.0


def check(device: torch.device, devices: int, stages: Sequence[Stage]) -> None:
    """Raise ValueError if so many devices cannot learn together."""
    if find_spec("lightning_fabric") is None:
        raise ValueError(
            "training on several devices needs Lightning Fabric: "
            'pip install "napari-htcell[devices]"'
        )
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"{device.type!r} cannot be shared; choose the device cpu or cuda")
    if device.type == "cuda" and torch.cuda.device_count() < devices:
        raise ValueError(f"{devices} devices are asked for, and {torch.cuda.device_count()} here")
    smallest = min((one.batch_size for one in stages if one.epochs), default=devices)
    if smallest < devices:
        raise ValueError(
            f"a batch of {smallest} cannot be divided among {devices} devices; take fewer, or a "
            "version that learns from more squares at a time, such as E"
        )


def train_together(
    network: Network,
    lesson: Lesson,
    precision: torch.dtype,
    keeper: Keeper,
    watched: Lesson | None = None,
    *,
    devices: int,
) -> Generator[Progress, None, None]:
    """Do what `training.train_network` does, on several devices of the network's kind.

    On processors a device is a process with its share of the cores. Each holds the images.

    Parameters
    ----------
    network, lesson, precision, keeper, watched
        As of `train_network`.
    devices : int
        Two or more.

    Yields
    ------
    Progress
        After every step, with its loss.

    Raises
    ------
    TrainingError
        As of `train_network`.
    ChildProcessError
        If one of the processes is ended from outside.
    """
    kind, here = network.device.type, copy.deepcopy(network).cpu()
    job = _Job(here, lesson, precision, keeper, watched, kind, devices, _free_port())
    content = pickle.dumps(job)
    spawning = multiprocessing.get_context("spawn")
    ends, members = [], []
    try:
        for rank in range(devices):
            end, there = spawning.Pipe()
            member = spawning.Process(target=_take_part, args=(rank, there), daemon=True)
            with processes.interrupts_ignored():
                member.start()
            there.close()
            ends.append(end)
            members.append(member)
        for end in ends:
            end.send_bytes(content)
        while isinstance(report := _ask(ends, True), Progress):
            try:
                yield report
            except GeneratorExit:
                _ask(ends, False)
                raise
        network.load_state_dict({name: torch.from_numpy(value) for name, value in report.items()})
    finally:
        for member in members:
            # Whoever waits for another one's part would wait for ever.
            member.terminate()
            member.join(SECONDS_TO_END)


def _ask(ends: Sequence[Connection], go_on: bool) -> Any:
    """Have all take a step, or stop, and return what the first one says."""
    said: dict[int, Any] = {}
    try:
        for end in ends:
            end.send(go_on)
        while len(said) < len(ends):
            silent = [end for index, end in enumerate(ends) if index not in said]
            ready = wait(silent)
            for end in [one for one in silent if one in ready]:
                found = end.recv()
                if isinstance(found, Exception):
                    raise found
                said[ends.index(end)] = found
    except (EOFError, BrokenPipeError, ConnectionResetError) as error:
        raise ChildProcessError(
            "a training process was ended from outside, perhaps for lack of memory; what is "
            "learnt is kept: go on with the same settings and fewer devices"
        ) from error
    return said[0]


def _free_port() -> int:
    with socket.socket() as one:
        one.bind((HOST, 0))
        return int(one.getsockname()[1])


@dataclass(frozen=True, eq=False)
class _Job:
    network: Network
    lesson: Lesson
    precision: torch.dtype
    keeper: Keeper
    watched: Lesson | None
    kind: str
    devices: int
    port: int


class _Reader(Keeper):
    """Goes on from the state that the first process keeps, and keeps none."""

    def keep(self, learner: Learner, state: checkpoint.State) -> None:
        """Leave it to the first."""


def _take_part(rank: int, connection: Connection) -> None:
    """Be one of the processes: step when told to, answer with the report."""
    processes.obey_parent()
    job: _Job = pickle.loads(connection.recv_bytes())
    try:
        with closing(_steps(job, rank)) as steps:
            while connection.recv():
                connection.send(next(steps, None) or _weights(job.network, rank))
        connection.send(None)
    except EOFError:
        return  # nobody asks any more
    except Exception as error:  # noqa: BLE001 - whatever it is, who asked must know
        connection.send(error)


def _weights(network: Network, rank: int) -> dict[str, npt.NDArray[Any]] | None:
    if rank:
        return None
    return {name: value.cpu().numpy() for name, value in network.state_dict().items()}


def _steps(job: _Job, rank: int) -> Generator[Progress, None, None]:
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments.lightning import LightningEnvironment

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    os.environ |= {"LOCAL_RANK": str(rank), "MASTER_ADDR": HOST, "MASTER_PORT": str(job.port)}
    if job.kind == "cpu":
        torch.set_num_threads(max(1, processes.cores() // job.devices))
    fabric = Fabric(
        accelerator=job.kind,
        devices=job.devices,
        strategy="ddp",
        precision="bf16-mixed" if job.precision == torch.bfloat16 else "32-true",
        plugins=LightningEnvironment(),
    )
    fabric.launch()
    network = place(with_shared_statistics(job.network), fabric.device)
    keeper = job.keeper if rank == 0 else _Reader(**vars(job.keeper))

    def learner(network: Network, stage: Stage, steps: int) -> Learner:
        return TeamLearner(network, stage, steps, fabric)

    return train_network(network, job.lesson, job.precision, keeper, job.watched, learner)
