"""What mingus was told: flags > MINGUS_* environment > mingus.toml > defaults, and who said what."""

from mingus_lib.settings.declared import Declaration, Settings, declaration, declarations
from mingus_lib.settings.kinds import mask
from mingus_lib.settings.loading import Examination, Finding, examine, load

__all__ = [
    "Declaration",
    "Examination",
    "Finding",
    "Settings",
    "declaration",
    "declarations",
    "examine",
    "load",
    "mask",
]
