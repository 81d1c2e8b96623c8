"""The panel walked through as a person would: load, register, aim, live, keep views, synthesize, browse, export.

Runs in Slicer's desktop program, and makes the README's pictures there:

    Slicer --additional-module-paths MR2XRay --python-script Testing/desktop/walk.py FOLDER

The project's tests walk the same way on the stand-in (Testing/module/test_walk.py).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer

PATIENCE_S = 300.0
SECTIONS = (
    "volumesSection",
    "registrationSection",
    "carmSection",
    "generatorSection",
    "synthesisSection",
    "resultsSection",
    "trainingSection",
)


def wait_for(condition: Callable[[], object], what: str, seconds: float = PATIENCE_S) -> None:
    """Let the program work until the condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        slicer.app.processEvents()
        time.sleep(0.005)


class Walk:
    """A person at the panel.

    Args:
        widget: the module's widget (`MR2XRayWidget`).
        picture: called with a name after each step; takes a screenshot, or does nothing.
    """

    def __init__(self, widget: Any, picture: Callable[[str], None]) -> None:
        self.widget, self.ui, self._picture = widget, widget.ui, picture

    @property
    def parameters(self) -> Any:
        """The parameter node."""
        return self.widget.logic.getParameterNode()

    def message(self) -> str:
        """What stands at the top of the panel."""
        return self.ui.messageLabel.text

    def _open(self, name: str) -> None:
        """Open one section of the panel and close the others, so that it is seen."""
        for section in SECTIONS:
            getattr(self.ui, section).collapsed = section != name

    def _idle(self) -> bool:
        panel = self.widget.panel
        return not panel.job.running and not panel.preparation.busy and not panel.live.busy

    def load(self) -> None:
        """The digital head."""
        self._open("volumesSection")
        self.ui.digitalHeadButton.click()
        wait_for(lambda: self.ui.mrSelector.currentNode() is not None, "the digital head")
        wait_for(self._idle, "the volumes' preparation")
        self._picture("1-volumes")

    def register(self) -> None:
        """Registers, and looks at the fusion."""
        self._open("registrationSection")
        self.ui.alignButton.click()
        wait_for(self._idle, "the registration")
        assert self.ui.qualityLabel.text, self.message()
        self._picture("2-registration")

    def aim(self) -> None:
        """Turns the C-arm and looks at the images."""
        self._open("carmSection")
        self.ui.primarySlider.value = 30.0
        self.ui.secondarySlider.value = 10.0
        self.ui.updateButton.click()
        wait_for(lambda: self.parameters.shownDifference is not None, "the images")
        self._picture("3-c-arm")

    def live(self, angles: tuple[float, ...] = (25.0, 10.0, -5.0, -20.0)) -> None:
        """Moves a slider with the images following."""
        self._open("synthesisSection")
        self.ui.liveCheckBox.click()
        for angle in angles:
            before = self.parameters.shownMr.GetAttribute("MR2XRay.View")
            self.ui.primarySlider.value = angle
            wait_for(
                lambda before=before: self.parameters.shownMr.GetAttribute("MR2XRay.View") != before,
                f"the images at {angle:g} degrees",
            )
        self.ui.liveCheckBox.click()
        self._picture("4-live")

    def keep_views(self, words: str = "PA, LATL, sweep -30..30 step 15") -> None:
        """Writes a list of views and adds it."""
        self._open("carmSection")
        self.ui.viewsLineEdit.text = words
        self.ui.addViewsButton.click()
        self._picture("5-views")

    def synthesize_all(self) -> None:
        """All kept views in the worker."""
        self._open("resultsSection")
        self.ui.synthesizeAllButton.click()
        wait_for(self._idle, "the views")
        assert self.parameters.metrics is not None, self.message()
        self._picture("6-results")

    def browse(self, index: int) -> None:
        """Shows another view of the results."""
        self.ui.resultSlider.value = index
        slicer.app.processEvents()

    def plot(self) -> None:
        """The metric over the views."""
        self.ui.plotButton.click()
        slicer.app.processEvents()
        self._picture("7-plot")

    def export(self, folder: Path, kinds: tuple[str, ...]) -> None:
        """Writes the results."""
        self.ui.exportFolderLineEdit.currentPath = str(folder)
        for kind in kinds:
            self.ui.exportComboBox.currentText = kind
            self.ui.exportButton.click()
            assert str(folder) in self.message(), self.message()

    def all(self, folder: Path) -> None:
        """Everything, in the order of the work."""
        self.load()
        self.register()
        self.aim()
        self.live()
        self.keep_views()
        self.synthesize_all()
        self.browse(2)
        self.plot()
        self.export(folder / "export", ("Line integrals (NRRD)", "DICOM", "Metrics (CSV)"))


def screenshot(folder: Path, name: str) -> None:
    """The main window as a picture."""
    for _ in range(10):
        slicer.app.processEvents()
        time.sleep(0.05)
    slicer.util.mainWindow().grab().save(str(folder / f"{name}.png"))


def main(folder: Path) -> None:
    """Walk in the desktop program, write pictures into a folder and end the program."""
    folder.mkdir(parents=True, exist_ok=True)
    slicer.util.mainWindow().showMaximized()
    slicer.util.selectModule("MR2XRay")
    widget = slicer.modules.mr2xray.widgetRepresentation().self()
    code = 1
    try:
        Walk(widget, lambda name: screenshot(folder, name)).all(folder)
        code = 0
    except (AssertionError, TimeoutError):
        import traceback

        traceback.print_exc()
        screenshot(folder, "fault")
    slicer.util.exit(code)


if __name__ == "__main__":
    main(Path(sys.argv[-1]))
