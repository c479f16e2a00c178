"""The learned model of the offline engine: made anew from what editors and the AI engine said, kept if it helps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mingus_lib.domain import labelmodel, phase, prose
from mingus_lib.domain.labelmodel import Example, PhaseModel
from mingus_lib.store.labels import LabelStore

# So many fit a job's time.
MOST_EXAMPLES = 5_000


@dataclass(frozen=True, slots=True)
class Refitting:
    """Bound to its store by runtime.py."""

    labels: LabelStore

    def run(self) -> dict[str, Any]:
        """Learn, compare with the lists on held-out labels, keep the outcome; the documented shape."""
        found = labelmodel.refit(list(self._examples()))
        model = found.model
        self.labels.keep_model(
            now=datetime.now(UTC),
            version=model.version if model else None,
            examples=found.examples,
            lists=found.lists_accuracy,
            blend=found.blend_accuracy,
            reason=found.reason,
            model=model.as_json() if model else None,
        )
        return {
            "used": model is not None,
            "version": model.version if model else None,
            "examples": found.examples,
            "lists_accuracy": found.lists_accuracy,
            "blend_accuracy": found.blend_accuracy,
            "reason": found.reason,
        }

    def _examples(self) -> Iterator[Example]:
        for number, taught in enumerate(self.labels.taught()):
            if number >= MOST_EXAMPLES:
                return
            read = prose.read(taught.title, taught.text)
            prior = phase.assess(read).probabilities
            weight = labelmodel.OVERRIDE_WEIGHT if taught.by_editor else 1.0
            yield Example(labelmodel.words_of(read), prior, taught.phase, weight)

    def in_use(self) -> PhaseModel | None:
        """The model of the latest refit; None where the lists alone count."""
        kept = self.labels.model()
        return None if kept is None else labelmodel.from_json(kept)
