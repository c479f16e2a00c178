"""The six queues, and the set of those that are paused. Apart from the catalog, because `status` must start fast."""

QUEUES: tuple[str, ...] = (
    "article_processing",
    "email_processing",
    "ai_classification",
    "recommendations",
    "analytics",
    "cleanup",
)

PAUSED = "mingus:paused"
# Who leads among the schedulers.
LEADER = "mingus:scheduler_lock"
# With its name, a scheduler that lives.
SCHEDULER = "mingus:scheduler:"
