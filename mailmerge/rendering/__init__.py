"""Recipient -> content: Jinja2 templates, inlined styles, the text made from the HTML."""
