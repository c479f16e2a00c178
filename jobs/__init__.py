"""The workers' door: one module per queue, each holding the @job functions that run there."""
