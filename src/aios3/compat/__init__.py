"""Modules with the names of other libraries, over :mod:`aios3.sync`."""
