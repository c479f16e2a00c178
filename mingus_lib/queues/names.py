"""The six queues. Apart from the catalog, because `status` must start fast."""

QUEUES: tuple[str, ...] = (
    "article_processing",
    "email_processing",
    "ai_classification",
    "recommendations",
    "analytics",
    "cleanup",
)
