"""What every job's arguments have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from mingus_lib.domain.library import MAX_ID

Id = Annotated[int, Field(ge=1, le=MAX_ID)]


class Arguments(BaseModel):
    """Strict JSON: no unknown argument, no guessed type."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Nothing(Arguments):
    """No arguments."""
