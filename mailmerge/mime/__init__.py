"""Content -> octets: header fields, body parts, and the message compiled once for everybody."""
