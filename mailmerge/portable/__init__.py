"""Differences between Linux, macOS and Windows, with one small module for each.

No other module asks for the platform it runs on. Each function takes the system call or the module
that it needs as a parameter, so the tests run the code of every platform on each platform.
"""
