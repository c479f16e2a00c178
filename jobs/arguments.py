"""What every job's arguments have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

# SQLite's largest: a larger one would be an error of the store, not a line that names the argument.
MAX_ID = 2**63 - 1
Id = Annotated[int, Field(ge=1, le=MAX_ID)]


class Arguments(BaseModel):
    """Strict JSON: no unknown argument, no guessed type."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Nothing(Arguments):
    """No arguments."""
