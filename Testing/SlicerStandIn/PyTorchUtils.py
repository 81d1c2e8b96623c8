"""The module of the extension SlicerPyTorch: torch is there, or not, as `slicerstandin.packages` says."""

from __future__ import annotations

import subprocess
from typing import Any

import slicer
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic
from slicerstandin.packages import PACKAGES


class PyTorchUtilsLogic(ScriptedLoadableModuleLogic):
    """Installs torch through light-the-torch, after asking."""

    def __init__(self) -> None:
        self._torch: Any = None

    @staticmethod
    def torchInstalled() -> bool:
        """Whether torch can be imported."""
        return "torch" not in PACKAGES.missing

    @property
    def torch(self) -> Any:
        """The module torch, installed if need be; None where that was declined."""
        if self._torch is None:
            self._torch = self.importTorch()
        return self._torch

    def importTorch(self) -> Any:
        """The module torch, installed if need be."""
        if not self.torchInstalled():
            return self.installTorch()
        import torch

        return torch

    def installTorch(self, askConfirmation: bool = False, forceComputationBackend: str | None = None,
                     torchVersionRequirement: str | None = None) -> Any:  # fmt: skip
        """Install torch and return it; None where the user declined.

        Raises:
            CalledProcessError: the test says that installing fails.
        """
        question = (
            "PyTorch will be downloaded and installed using light-the-torch. This might take some minutes."
        )
        if (
            askConfirmation
            and not slicer.app.testingEnabled()
            and not slicer.util.confirmOkCancelDisplay(question)
        ):
            return None
        PACKAGES.install_requests.append(["torch" + (torchVersionRequirement or ""), "torchvision"])
        if not PACKAGES.can_install:
            raise subprocess.CalledProcessError(
                1, ["PythonSlicer", "-m", "light_the_torch", "install", "torch"]
            )
        PACKAGES.missing.discard("torch")
        return self.importTorch()

    def getDevice(self) -> Any:
        """The device that torch would use."""
        return self.torch.device("cuda") if self.torch.cuda.is_available() else "cpu"

    @property
    def cuda(self) -> bool:
        """Whether a CUDA device is there."""
        return self.getDevice() != "cpu"
