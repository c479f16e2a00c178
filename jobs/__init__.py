"""The workers' door: one module per queue, each holding the @job functions that run there.

A job takes ids, returns JSON, and may be run twice. Its arguments are a pydantic model.
"""

MODULES = ("analytics", "articles", "mail", "classification", "cleanup", "diagnostics", "recommendations")
