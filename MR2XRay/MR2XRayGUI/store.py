"""The generators at hand, as the panel lists them."""

from __future__ import annotations

from pathlib import Path

from slicer.i18n import tr as _

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.generators import shelf
from MR2XRayLib.generators.card import ModelCard
from MR2XRayLib.generators.words import card_words


class Store:
    """A list of the shelf's generators; made anew only on `reload`, since a moving slider must not read the disk.

    Attributes:
        names: of all generators.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self._cards: dict[str, str] = {}
        self.reload()

    def reload(self) -> None:
        """Look again which generators there are."""
        self._folders = shelf.available_generators()
        self._own = set(shelf.own_generators())
        self.names, self._cards = list(self._folders), {}
        self._default = shelf.default_generator_name() if self.names else ""

    def chosen(self, name: str) -> str:
        """The generator that a parameter node's name means: an empty one is the default one."""
        return name or self._default

    def folder(self, name: str) -> Path:
        """Where a generator lies.

        Raises:
            MR2XRayError: if it is not installed, as in a scene from another computer.
        """
        chosen = self.chosen(name)
        if chosen not in self._folders:
            raise MR2XRayError(
                _(
                    'The generator "{name}" of this scene is not installed; import it or choose another.'
                ).format(name=chosen)
            )
        return self._folders[chosen]

    def is_own(self, name: str) -> bool:
        """Whether it is the user's own and may be removed."""
        return self.chosen(name) in self._own

    def has_uncertainty(self, name: str) -> bool:
        """Whether it tells the expected error of its images."""
        try:
            return ModelCard.read(self.folder(name)).has_uncertainty
        except MR2XRayError:
            return False

    def words(self, name: str) -> str:
        """Its card as paragraphs, or the sentence that says what is wrong with it."""
        chosen = self.chosen(name)
        if chosen not in self._cards:
            try:
                self._cards[chosen] = "\n\n".join(card_words(ModelCard.read(self.folder(chosen))))
            except MR2XRayError as error:
                return str(error)
        return self._cards[chosen]
