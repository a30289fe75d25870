"""Log-in with OAuth 2: [smtp] -> a refresh token in a safe place -> access tokens for the server.

| module | what it does |
|---|---|
| `servers.py` | the endpoints of each service, in one frozen table; [smtp] -> `OAuthClient` |
| `grants.py` | the texts of requests and the meaning of answers; pure |
| `failures.py` | the error of an authorization server -> one error with its fix; pure |
| `web.py` | one POST over HTTPS |
| `loopback.py` | the listener that a browser returns to |
| `flows.py` | the three ways to log in: browser, pasted address, device code |
| `storage.py` | where refresh tokens are: the keyring, or a private file |
| `tokens.py` | access tokens that are renewed in time, by one process at a time |

What can go wrong. A service may replace the refresh token with each renewal, and the old one is
worthless from then on. Two processes that renew at once would each overwrite the other's token, and
the loser could never log in again. So a renewal holds a lock across processes from the reading of
the stored token to the writing of the next, and the new refresh token is stored before the access
token is used. Only the refresh token is stored. An access token stays in memory, and expires.
"""
