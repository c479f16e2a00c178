"""Calls that were sent, and reviews that were put off: migration m010. Times are ISO 8601 text in UTC."""

STATEMENTS = (
    "ALTER TABLE model_calls ADD COLUMN sent_at TEXT",  # null: no request of it has left
    # Of those under way while this runs nobody knows: as if they were sent.
    "UPDATE model_calls SET sent_at = at WHERE state = 'open' AND in_batch = 0",
    "CREATE INDEX label_reviews_skipped ON label_reviews (decided_at, article_id) WHERE state = 'skipped'",
)
