"""More than one process: what `torchrun` says in the environment, and what ranks must agree on.

`torchrun --nproc-per-node 2 -m MR2XRayLib train ...` starts two ranks; without torchrun there is one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch import distributed as dist

from MR2XRayLib.errors import MR2XRayError

LOCAL_RANK = "LOCAL_RANK"
"""The variable in which torchrun tells a rank its number among those of its machine."""


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together.

    Attributes:
        rank: its number; rank 0 writes log and checkpoints.
        count: of processes.
    """

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the rank that writes."""
        return self.rank == 0

    def shards(self, shards: int) -> range:
        """Which of so many shards are this rank's.

        Raises:
            MR2XRayError: if the ranks cannot divide them evenly.
        """
        if shards % self.count:
            raise MR2XRayError(
                f"{shards} shards cannot be divided evenly among {self.count} ranks; start with a number of ranks "
                "that divides the shards, or give other --shards."
            )
        return range(self.rank, shards, self.count)

    def parallel(self, network: nn.Module) -> nn.Module:
        """The network as all ranks train it together: gradients are averaged over them."""
        if self.count == 1:
            return network
        return nn.parallel.DistributedDataParallel(network)

    def agreed(self, value: float, device: str) -> float:
        """The first rank's value, on all ranks."""
        if self.count == 1:
            return value
        tensor = torch.tensor(value, dtype=torch.float64, device=device)
        dist.broadcast(tensor, 0)
        return float(tensor)

    def mean(self, value: Tensor) -> float:
        """The mean of all ranks' values."""
        value = value.detach()
        if self.count > 1:
            value = value.clone()
            dist.all_reduce(value)
            value /= self.count
        return float(value)


ALONE = Ranks()


def use_own_gpu(device: str) -> None:
    """Let "cuda" mean this rank's own GPU, in this thread; without torchrun it is the first.

    Every thread and every process begins on the first GPU, whatever others have chosen, so each that uses one calls
    this. Worker processes inherit the environment in which torchrun tells the rank's number on its machine.

    Args:
        device: in use; nothing is done unless it is "cuda".

    Raises:
        MR2XRayError: if the machine has no such GPU.
    """
    if device != "cuda" or LOCAL_RANK not in os.environ:
        return
    try:
        torch.cuda.set_device(int(os.environ[LOCAL_RANK]))
    except (ValueError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise MR2XRayError(
            f"There is no GPU for rank {os.environ[LOCAL_RANK]} of this machine ({reason}); start at most as many "
            "ranks on a machine as it has GPUs (--nproc-per-node)."
        ) from None


@contextmanager
def ranks_of_torchrun(device: str) -> Iterator[Ranks]:
    """The ranks that torchrun started, joined while the block runs; one rank without torchrun.

    On a GPU "cuda" is then this rank's own, see `use_own_gpu`.

    Raises:
        MR2XRayError: if the environment's numbers make no sense, the machine has fewer GPUs than ranks, or the ranks
            do not find each other.
    """
    if "WORLD_SIZE" not in os.environ or dist.is_initialized():
        yield ALONE
        return
    use_own_gpu(device)
    try:
        ranks = Ranks(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
        if ranks.count > 1:
            dist.init_process_group("nccl" if device == "cuda" else "gloo")
    except (KeyError, ValueError, RuntimeError) as error:
        raise MR2XRayError(
            f"The ranks of this training do not find each other ({error}); start them with torchrun."
        ) from None
    try:
        yield ranks
    finally:
        if ranks.count > 1:
            dist.destroy_process_group()
