"""The section *Synthesis*: live, once, or all kept views in the worker."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from MR2XRayGUI.dependencies import ensure_live, ensure_torch, ensure_worker
from MR2XRayLib.errors import MR2XRayError
from MR2XRayScene import exchange, geometry
from MR2XRayScene.prepared import chosen_pair, first_mr

if TYPE_CHECKING:
    from MR2XRayGUI.panel import Panel


class SynthesisSection:
    """Starts what makes images."""

    def __init__(self, panel: Panel) -> None:
        self._panel, ui = panel, panel.ui
        panel.connect(ui.liveCheckBox, "clicked(bool)", self._go_live)
        panel.connect(ui.updateButton, "clicked()", self._update)
        panel.connect(ui.synthesizeAllButton, "clicked()", self._synthesize_all)

    def refresh(self) -> None:
        """Enable what can be done, and say why the rest cannot."""
        panel, ui, parameters = self._panel, self._panel.ui, self._panel.parameters
        has_mr = first_mr(parameters) is not None
        lack = "" if has_mr or parameters.ct is not None else _("Choose an MR volume first.")
        panel.offer(ui.updateButton, _("Project, synthesize and compare at the present angles."), lack)
        panel.offer(
            ui.liveCheckBox,
            _(
                "Project, synthesize and compare at every move of a slider. While it moves, the synthesized image may "
                "be a quick preview; at rest it is exact, and the numbers are made of it."
            ),
            # What is on can be switched off.
            "" if parameters.live else lack,
        )
        views = ui.viewsTable.rowCount
        ui.synthesizeAllButton.text = _("Synthesize all {n} views").format(n=views)
        panel.offer(
            ui.synthesizeAllButton,
            _("Project, synthesize and compare all kept views in a process of their own."),
            ""
            if views and has_mr
            else _("Choose an MR volume and keep some views in the section C-arm first."),
            alone=True,
        )

    def _go_live(self, live: bool) -> None:
        if not live:
            return
        try:
            self._get_ready()
        except MR2XRayError:
            self._panel.parameters.live = False
            raise

    def _update(self) -> None:
        self._get_ready()
        self._panel.preparation.when_ready(self._panel.live.now)

    def _get_ready(self) -> None:
        """What live images need: packages, our layout, the volumes prepared."""
        self._panel.ensure(ensure_live, ensure_torch)
        self._panel.session.show_layout(self._panel.parameters)
        self._panel.preparation.retry()

    def _synthesize_all(self) -> None:
        panel, parameters = self._panel, self._panel.parameters
        panel.ensure(ensure_worker, ensure_torch)
        job = exchange.RunJob(
            pair=chosen_pair(parameters),
            views=tuple(geometry.views_from_json(parameters.viewsJson)),
            generator=panel.store.folder(parameters.generator),
            device=panel.device,
            uncertain=panel.store.has_uncertainty(parameters.generator),
        )

        def done(folder: Path, _result: dict[str, Any], warnings: list[str]) -> None:
            panel.session.take_results(parameters, exchange.read_run(folder))
            panel.say(" ".join(warnings) or _("{n} views synthesized.").format(n=len(job.views)))
            panel.when_here(panel.show_layout)
            panel.when_here(panel.show_result)

        panel.job.start(_("Synthesizing"), lambda folder: exchange.write_run(folder, job), done)
