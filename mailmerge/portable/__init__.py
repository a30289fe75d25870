"""Differences between Linux, macOS and Windows, one small module for each of them.

Nothing else in the project asks which platform it runs on. Each function takes the system call or
the module that it needs as a parameter, so that the code of every platform is tested on each.
"""
