"""A host's root file system: overlayfs layers on an image, so that a snapshot costs nothing.

The topmost layer is written to; a snapshot freezes it and begins another, and a reset throws it
away. `redirect_dir` lets a deployment exchange whole folders (renameat2 RENAME_EXCHANGE).
"""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lab.error import LabError
from lab.home import write
from lab.process import run

FRESH = "fresh"


@dataclass
class Layers:
    """Which layers are below the one that is written, topmost first, and those of each label."""

    image: str
    lower: list[int] = field(default_factory=list)
    upper: int = 0
    labels: dict[str, list[int]] = field(default_factory=dict)

    def used(self) -> set[int]:
        """Return the layers that are still of use."""
        return {self.upper, *self.lower, *(n for label in self.labels.values() for n in label)}


class Disk:
    """The disk in a folder; `root` is where it is mounted while its host runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "root"
        self._state = folder / "disk.json"

    @property
    def is_prepared(self) -> bool:
        """Whether the disk exists, whole."""
        return self._state.exists()

    @property
    def labels(self) -> list[str]:
        """The labels that a reset may name."""
        return sorted(self._layers().labels) if self.is_prepared else []

    def prepare(self, image: Path, *furnish: Callable[[Path], None]) -> None:
        """Make the disk: the image, the layer that each of `furnish` fills, and an empty one."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._layer(0).mkdir(parents=True)
        for fill in furnish:
            fill(self._layer(0))
        self._save(Layers(str(image), lower=[0], upper=1, labels={FRESH: [0]}))

    def mount(self) -> None:
        """Mount the layers at `root`."""
        self.unmount()
        layers, work = self._layers(), self.folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        for folder in (work, self.root, self._layer(layers.upper)):
            folder.mkdir(exist_ok=True)
        lower = ":".join([*(str(self._layer(number)) for number in layers.lower), layers.image])
        options = f"lowerdir={lower},upperdir={self._layer(layers.upper)},workdir={work}"
        options += ",redirect_dir=on,index=off,metacopy=off"
        run("mount", "-t", "overlay", "mailwright-lab", "-o", options, str(self.root))

    def unmount(self) -> None:
        """Unmount `root` if it is mounted."""
        if os.path.ismount(self.root):
            run("umount", str(self.root))

    def snapshot(self, label: str) -> None:
        """Keep what the disk holds now as `label`; the disk must not be mounted."""
        layers = self._layers()
        layers.lower = [layers.upper, *layers.lower]
        layers.labels[label] = layers.lower
        layers.upper = max(layers.used()) + 1
        self._save(layers)

    def reset(self, label: str) -> None:
        """Return to what `label` kept; the disk must not be mounted."""
        layers = self._layers()
        layers.lower = self.require(label)
        layers.upper = max(layers.used()) + 1
        self._save(layers)

    def copy(self, other: "Disk", label: str) -> None:
        """Keep as `label` what `other` kept as that, below the layer that makes this host itself.

        No file is copied: the layers of `other` are read, and must stay. Both have one image.
        """
        layers, theirs = self._layers(), other._layers()
        if layers.image != theirs.image:
            raise LabError("the two hosts are not of one image")
        own = layers.labels[FRESH]
        links: list[int] = []
        for layer in other.require(label)[: -len(own)]:
            links.append(max(layers.used() | {*links}) + 1)
            self._layer(links[-1]).symlink_to(other._layer(layer))
        layers.labels[label] = own + links
        self._save(layers)

    def require(self, label: str) -> list[int]:
        """Return the layers of `label`, or raise LabError."""
        labels = self._layers().labels
        if label not in labels:
            raise LabError(f"no snapshot is called '{label}'", f"there is: {', '.join(labels)}")
        return labels[label]

    def _layer(self, number: int) -> Path:
        return self.folder / f"layer{number}"

    def _layers(self) -> Layers:
        return Layers(**json.loads(self._state.read_text()))

    def _save(self, layers: Layers) -> None:
        """Record the layers, then delete those that nothing needs any more."""
        write(self._state, json.dumps(asdict(layers)))
        for path in self.folder.glob("layer*"):
            if int(path.name.removeprefix("layer")) not in layers.used():
                path.unlink() if path.is_symlink() else shutil.rmtree(path)
