"""Slicer's module SampleData: sources are registered and checked; nothing is downloaded.

A test says by `SampleData.FILES[address] = path` which file an address gives; any other address is offline. As in
Slicer, what is not to be had is logged and left out: the lists of nodes are shorter then, or empty.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import slicer

FILES: dict[str, str] = {}
ALGORITHMS = ("SHA256", "SHA512", "MD5")


def as_list(value: Any) -> list[Any]:
    """One value or a list as a list."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def aligned(uris: Any, *others: Any) -> list[list[Any]] | None:
    """Lists as long as that of the addresses; what is absent, except file names, is None for each of them."""
    first = as_list(uris)
    lists = [
        [None] * len(first) if value is None and place > 0 else as_list(value)
        for place, value in enumerate(others)
    ]
    return None if uris is None or any(len(one) != len(first) for one in lists) else [first, *lists]


def is_to_be_had(uri: str, checksum: str | None) -> bool:
    """Whether an address gives a file, and the right one; if not, that is logged."""
    if uri not in FILES:
        logging.error("Failed to download %s", uri)
        return False
    algorithm, digest = slicer.util.extractAlgoAndDigest(checksum)
    if algorithm is not None and slicer.util.computeChecksum(algorithm, FILES[uri]) != digest:
        logging.error("Checksum of %s does not match", uri)
        return False
    return True


@dataclass(frozen=True)
class SampleDataSource:
    """One data set: as many addresses as file names, node names and checksums."""

    sampleName: str | None
    uris: list[Any]
    fileNames: list[Any]
    nodeNames: list[Any]
    checksums: list[Any]
    thumbnailFileName: str | None
    customDownloader: Callable[[Any], Any] | None
    loadFileTypes: list[Any]
    loadFiles: list[Any]


class SampleDataLogic:
    """Registers data sets and loads them."""

    @staticmethod
    def registerCustomSampleDataCategory(category: str, title: str) -> None:
        """Give a category a title."""
        categories = vars(slicer.modules).setdefault("sampleDataSourceCategories", {})
        categories.setdefault(category, {})["title"] = title

    @staticmethod
    def registerCustomSampleDataSource(
        category: str = "Custom",
        sampleName: str | None = None,
        uris: Any = None,
        fileNames: Any = None,
        nodeNames: Any = None,
        customDownloader: Callable[[Any], Any] | None = None,
        thumbnailFileName: str | None = None,
        loadFileTypes: Any = None,
        loadFiles: Any = None,
        loadFileProperties: dict[str, Any] | None = None,
        checksums: Any = None,
    ) -> None:
        """Register a data set.

        Raises:
            ValueError: lengths differ, a checksum is not `<algo>:<digest>`, or a thumbnail is no file (the real
                module only shows none).
        """
        parts = aligned(uris, fileNames, nodeNames, checksums, loadFileTypes, loadFiles)
        if parts is None:
            raise ValueError(
                f"{sampleName}: addresses, file names, node names and checksums differ in length"
            )
        for checksum in parts[3]:
            if checksum is not None and not re.fullmatch(rf"({'|'.join(ALGORITHMS)}):[0-9a-f]+", checksum):
                raise ValueError(f"{sampleName}: the checksum {checksum!r} is not <algo>:<digest>")
        if thumbnailFileName is not None and not os.path.isfile(thumbnailFileName):
            raise ValueError(f"{sampleName}: there is no thumbnail {thumbnailFileName}")
        source = SampleDataSource(sampleName, *parts[:4], thumbnailFileName, customDownloader, *parts[4:])
        registered = vars(slicer.modules).setdefault("sampleDataSources", {}).setdefault(category, [])
        if source not in registered:
            registered.append(source)

    @staticmethod
    def sampleDataSourcesByCategory(category: str | None = None) -> Any:
        """The registered data sets, of one category or by category."""
        sources = vars(slicer.modules).setdefault("sampleDataSources", {})
        return sources if category is None else sources.get(category, [])

    def sourceForSampleName(self, sampleName: str) -> SampleDataSource | None:
        """The data set of that name."""
        every = [source for sources in self.sampleDataSourcesByCategory().values() for source in sources]
        return next((source for source in every if source.sampleName == sampleName), None)

    def downloadSample(self, sampleName: str) -> Any:
        """The first node of a data set, loaded."""
        return self.downloadSamples(sampleName)[0]

    def downloadSamples(self, sampleName: str) -> list[Any]:
        """The nodes of a data set, loaded; none of one that is not registered."""
        source = self.sourceForSampleName(sampleName)
        return [] if source is None else self.downloadFromSource(source)

    def downloadFromSource(self, source: SampleDataSource) -> list[Any]:
        """The nodes of a data set: by its own downloader, or from the files that the test has laid out."""
        if source.customDownloader is not None:
            made = source.customDownloader(source)
            return as_list(made)
        loaded = []
        for uri, name, checksum in zip(source.uris, source.nodeNames, source.checksums, strict=True):
            if is_to_be_had(uri, checksum):
                node = slicer.util.loadNodeFromFile(FILES[uri], "VolumeFile")
                if name:
                    node.SetName(name)
                loaded.append(node)
        return loaded


def downloadSample(sampleName: str) -> Any:
    """The first node of a registered data set."""
    return SampleDataLogic().downloadSample(sampleName)


def downloadSamples(sampleName: str) -> list[Any]:
    """The nodes of a registered data set."""
    return SampleDataLogic().downloadSamples(sampleName)
