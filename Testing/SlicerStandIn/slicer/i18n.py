"""`slicer.i18n`: nothing is translated; what cannot be translated is refused.

The real `tr` takes a text that Qt's lupdate finds in the source. A text that was already formatted cannot be found
there, which the stand-in cannot see; but a text that is none, it can.
"""

from __future__ import annotations

from slicerstandin.namespace import shows_nothing as __dir__  # noqa: F401


def translate(context: str, text: str) -> str:
    """The text itself."""
    if not isinstance(context, str) or not isinstance(text, str):
        raise TypeError(f"translate takes two texts, not {context!r} and {text!r}")
    return text


def tr(text: str) -> str:
    """The text itself."""
    return translate("", text)
