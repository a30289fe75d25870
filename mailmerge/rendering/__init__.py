"""Recipient -> content: templates, the structure cache, styles, images, and text made from HTML.

settings      templates and limits, as frozen values
content       Renderer: makes the content of each recipient          (start here)
structure     the theory of the structure cache, and its data
"""
