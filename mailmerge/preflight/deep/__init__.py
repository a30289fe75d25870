"""`check --deep`: slow checks of finished messages: mail programs, contrast, spam scores, links.

| module | what it looks at |
|---|---|
| `page.py` | the HTML of one structure, and where its parts stand in the templates |
| `clients.py`, `features.py`, `support.py` | the HTML and CSS that mail programs do not know |
| `computed.py`, `contrast.py` | colours as a browser computes them, on a light and a dark screen |
| `accessibility.py` | what screen readers need |
| `reading.py` | the preview text, the share of text, sizes |
| `images.py` | the files of images |
| `links.py` | whether links work; only where asked for |
| `spam.py` | the scores of SpamAssassin and rspamd, where one runs on this machine |
| `stage.py` | all of it, for the messages of one check |
"""
