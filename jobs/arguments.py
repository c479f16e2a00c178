"""What every job's arguments have in common."""

from pydantic import BaseModel, ConfigDict


class Arguments(BaseModel):
    """Strict JSON: no unknown argument, no guessed type."""

    model_config = ConfigDict(extra="forbid", frozen=True)
