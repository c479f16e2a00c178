"""Recommending: an item-item matrix learned from readers, scores with their reasons, and a fair list. Pure.

The modules that import numpy and scipy (matrix, walks, ease, content, fitting, scoring, evaluation) cost a
third of a second: import them inside the functions that use them.
"""
