"""The section *Fine-tune*: train a generator further on the loaded pair, in the worker."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from MR2XRayGUI.dependencies import ensure_torch, ensure_worker
from MR2XRayGUI.loss_curve import LossCurve
from MR2XRayScene import exchange
from MR2XRayScene.prepared import chosen_pair, first_mr

if TYPE_CHECKING:
    from MR2XRayGUI.panel import Panel


class TrainingSection:
    """Fine-tunes for some minutes and puts the result into the generator list."""

    def __init__(self, panel: Panel) -> None:
        self._panel, ui = panel, panel.ui
        self._curve = LossCurve(ui.lossCurve)
        ui.minutesSpinBox.value = 10.0
        ui.tunedNameLineEdit.text = "my-head"
        panel.connect(ui.trainButton, "clicked()", self._train)
        panel.connect(ui.tunedNameLineEdit, "textChanged(QString)", lambda _text: self.refresh())

    def refresh(self) -> None:
        """Enable the button, or say what is missing."""
        ui, parameters = self._panel.ui, self._panel.parameters
        has_pair = first_mr(parameters) is not None and parameters.ct is not None
        ready = has_pair and bool(ui.tunedNameLineEdit.text)
        self._panel.offer(
            ui.trainButton,
            _("Train in a process of its own; Cancel leaves everything as it was."),
            ""
            if ready
            else _("Choose an MR and a CT volume that lie on each other, and a name for the result."),
            alone=True,
        )

    def _train(self) -> None:
        panel, ui, parameters = self._panel, self._panel.ui, self._panel.parameters
        panel.ensure(ensure_worker, ensure_torch)
        job = exchange.FinetuneJob(
            pair=chosen_pair(parameters),
            generator=panel.store.folder(parameters.generator),
            name=ui.tunedNameLineEdit.text,
            minutes=ui.minutesSpinBox.value,
        )

        def done(_folder: Path, _result: dict[str, Any], warnings: list[str]) -> None:
            panel.store.reload()
            parameters.generator = job.name
            panel.refresh()
            panel.say(" ".join(warnings) or _("The generator {name} is in the list.").format(name=job.name))

        def tell(values: dict[str, float]) -> None:
            ui.lossLabel.text = ", ".join(f"{key} {value:.4g}" for key, value in values.items())
            self._curve.add(values.get("loss", math.nan))

        panel.job.start(_("Fine-tuning"), lambda folder: exchange.write_finetune(folder, job), done, tell)
        ui.lossLabel.text = ""
        self._curve.clear()
