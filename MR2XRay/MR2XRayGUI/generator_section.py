"""The section *Generator*: which one, its card, where it runs, and the store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import qt
import slicer
from slicer.i18n import tr as _

from MR2XRayGUI.dependencies import ensure_live, ensure_torch
from MR2XRayLib.device import DEVICES
from MR2XRayLib.generators import exchange

if TYPE_CHECKING:
    from MR2XRayGUI.panel import Panel

DEVICE_SETTING = "MR2XRay/Device"
FILES = "Generator (*.zip model.json)"


class GeneratorSection:
    """Shows and changes what is in the store; the network itself is loaded with the volumes, on a thread."""

    def __init__(self, panel: Panel) -> None:
        self._panel, ui = panel, panel.ui
        ui.deviceComboBox.addItems(list(DEVICES))
        ui.deviceComboBox.currentText = slicer.util.settingsValue(DEVICE_SETTING, "auto")
        self._listed: list[str] = []
        self._shown_card = ""
        panel.connect(ui.generatorComboBox, "activated(int)", self._choose)
        panel.connect(ui.deviceComboBox, "activated(int)", self._choose_device)
        panel.connect(ui.importGeneratorButton, "clicked()", self._import)
        panel.connect(ui.verifyGeneratorButton, "clicked()", self._verify)
        panel.connect(ui.removeGeneratorButton, "clicked()", self._remove)
        panel.connect(ui.clearGeneratorsButton, "clicked()", self._clear)

    def refresh(self) -> None:
        """Show the list and the card."""
        panel, ui, store = self._panel, self._panel.ui, self._panel.store
        if store.names != self._listed:
            self._listed = store.names
            ui.generatorComboBox.clear()
            ui.generatorComboBox.addItems(store.names)
        chosen = store.chosen(panel.parameters.generator)
        ui.generatorComboBox.currentIndex = store.names.index(chosen) if chosen in store.names else -1
        words = store.words(chosen)
        if words != self._shown_card:
            self._shown_card = words
            ui.cardBrowser.plainText = words
        device = panel.session.device
        ui.deviceLabel.text = _("in use: {device}").format(device=device) if device else ""
        ui.removeGeneratorButton.enabled = store.is_own(chosen)

    def _choose(self, index: int) -> None:
        self._panel.parameters.generator = self._listed[index]

    def _choose_device(self, index: int) -> None:
        qt.QSettings().setValue(DEVICE_SETTING, DEVICES[index])
        self._panel.refresh()

    def _import(self) -> None:
        self._panel.ensure(ensure_live, ensure_torch)
        path = qt.QFileDialog.getOpenFileName(slicer.util.mainWindow(), _("Import a generator"), "", FILES)
        if path:
            name = exchange.import_generator(Path(path).parent if path.endswith("model.json") else Path(path))
            self._panel.store.reload()
            self._panel.parameters.generator = name
            self._panel.refresh()
            self._panel.say(_("The generator {name} was imported; read its card.").format(name=name))

    def _verify(self) -> None:
        self._panel.ensure(ensure_live, ensure_torch)
        card = exchange.verify_generator(self._panel.store.folder(self._panel.parameters.generator))
        self._panel.say(_("The generator {name} is what its card says.").format(name=card.name))

    def _remove(self) -> None:
        name = self._panel.store.chosen(self._panel.parameters.generator)
        if slicer.util.confirmYesNoDisplay(_("Remove the generator {name} from disk?").format(name=name)):
            exchange.remove_generator(name)
            self._forget_removed()

    def _clear(self) -> None:
        if slicer.util.confirmYesNoDisplay(_("Remove all generators of your own from disk?")):
            names = exchange.clear_generators()
            self._forget_removed()
            self._panel.say(_("{n} generators removed.").format(n=len(names)))

    def _forget_removed(self) -> None:
        self._panel.store.reload()
        if self._panel.store.chosen(self._panel.parameters.generator) not in self._panel.store.names:
            self._panel.parameters.generator = ""
        self._panel.refresh()
