"""The local web page that shows every message before anybody else sees it."""
