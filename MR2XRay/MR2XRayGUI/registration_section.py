"""The section *Registration*: how the MR comes to lie on the CT, and how well it lies there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from slicer.i18n import tr as _

from MR2XRayGUI.dependencies import ensure_worker
from MR2XRayLib.transform import Transform
from MR2XRayScene import exchange, fusion, transforms
from MR2XRayScene.parameters import Alignment
from MR2XRayScene.prepared import chosen_pair, first_mr, mr_nodes

if TYPE_CHECKING:
    from MR2XRayGUI.panel import Panel


class RegistrationSection:
    """Registers in the worker, or puts the MR under a transform that is there already."""

    def __init__(self, panel: Panel) -> None:
        self._panel, ui = panel, panel.ui
        panel.connect(ui.alignButton, "clicked()", self._align)
        panel.connect(ui.undoAlignmentButton, "clicked()", self._undo)
        panel.connect(ui.fusionButton, "toggled(bool)", self._show_fusion)
        panel.connect(ui.fusionSlider, "valueChanged(int)", self._set_opacity)

    def refresh(self) -> None:
        """Enable what can be done, and say why the rest cannot."""
        panel, parameters, ui = self._panel, self._panel.parameters, self._panel.ui
        mr = first_mr(parameters)
        ui.transformSelector.enabled = parameters.alignment == Alignment.TRANSFORM
        self._refresh_align_button()
        panel.offer(
            ui.undoAlignmentButton,
            _("Take the MR out from under its registration."),
            "" if transforms.registration_of(mr) is not None else _("The MR lies under no registration."),
            alone=True,
        )
        ui.qualityLabel.text = transforms.quality_of(mr)
        ui.qualityLabel.visible = bool(ui.qualityLabel.text)
        self._refresh_fusion()

    def _refresh_align_button(self) -> None:
        panel, parameters, button = self._panel, self._panel.parameters, self._panel.ui.alignButton
        how, has_mr = parameters.alignment, first_mr(parameters) is not None
        button.text = {
            Alignment.TRANSFORM: _("Use this transform"),
            Alignment.ALIGNED: _("Leave as they are"),
        }.get(how, _("Register"))
        ready = {
            Alignment.TRANSFORM: has_mr and parameters.transform is not None,
            Alignment.ALIGNED: has_mr,
        }.get(how, self._has_pair())
        panel.offer(
            button,
            _("Bring the MR to the CT; the MR is put under a transform node."),
            "" if ready else _("Choose an MR and a CT volume, and the transform where one is to be used."),
            alone=True,
        )

    def _refresh_fusion(self) -> None:
        """Offer the fusion where there are volumes for it, and as long as it is to be left."""
        panel, ui, shown = self._panel, self._panel.ui, fusion.is_shown(self._panel.session.scene)
        self._show_button(shown)
        lack = "" if shown or self._has_pair() else _("Choose an MR and a CT volume first.")
        panel.offer(ui.fusionButton, _("Show the MR over the CT to judge the registration by eye."), lack)
        panel.offer(ui.fusionSlider, _("How much of the MR is shown over the CT."), lack)

    def _align(self) -> None:
        panel, parameters = self._panel, self._panel.parameters
        how = parameters.alignment
        if how == Alignment.TRANSFORM:
            transforms.use_transform(mr_nodes(parameters), parameters.transform)
            panel.say(_("The MR now lies under the transform; look at the fusion."))
        elif how == Alignment.ALIGNED:
            panel.say(_("The volumes are taken as they lie."))
        else:
            self._register("rigid" if how == Alignment.RIGID else "affine")

    def _register(self, preset: str) -> None:
        self._panel.ensure(ensure_worker)
        panel, pair = self._panel, chosen_pair(self._panel.parameters)
        scene, nodes, ct = panel.session.scene, mr_nodes(panel.parameters), panel.parameters.ct
        name = _("{mr} to {ct}").format(mr=nodes[0].GetName(), ct=ct.GetName())
        transforms.check_one_frame(scene, nodes)
        mr_then, ct_then = transforms.Whereabouts(nodes[0]), transforms.Whereabouts(ct)

        def done(folder: Path, result: dict[str, Any], warnings: list[str]) -> None:
            found = exchange.read_registration(folder, result)
            # It was found for where the volumes lay when they were written.
            moved = ct_then.moved() @ found.transform.matrix @ np.linalg.inv(mr_then.moved())
            transforms.place_under(scene, nodes, Transform(moved), name, found.words, result)
            panel.say(" ".join(warnings) or _("Registered: {words}").format(words=found.words))
            panel.when_here(self._show_registered)

        panel.job.start(
            _("Registering"), lambda folder: exchange.write_registration(folder, pair, preset), done
        )

    def _undo(self) -> None:
        transforms.take_away(mr_nodes(self._panel.parameters))
        self._panel.say(_("The MR lies where it lay before its registration."))

    def _show_registered(self) -> None:
        """The fusion, where the volumes are still chosen by the time that the user can look at it."""
        if self._has_pair():
            self._show_fusion(True)

    def _has_pair(self) -> bool:
        parameters = self._panel.parameters
        return first_mr(parameters) is not None and parameters.ct is not None

    def _show_fusion(self, shown: bool) -> None:
        parameters, ui = self._panel.parameters, self._panel.ui
        if shown:
            fusion.show_fusion(
                self._panel.session.scene, first_mr(parameters), parameters.ct, ui.fusionSlider.value / 100
            )
        else:
            fusion.leave_fusion(self._panel.session.scene)
        self._refresh_fusion()

    def _show_button(self, shown: bool) -> None:
        button = self._panel.ui.fusionButton
        button.blockSignals(True)
        button.checked = shown
        button.blockSignals(False)

    def _set_opacity(self, percent: int) -> None:
        if self._panel.ui.fusionButton.checked:
            fusion.set_opacity(self._panel.session.scene, percent / 100)
