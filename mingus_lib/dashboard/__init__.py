"""The browser's door: pages over the same services as the command line, guarded, served by waitress."""
