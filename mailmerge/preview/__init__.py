"""The local web page that shows every message before it is sent."""
