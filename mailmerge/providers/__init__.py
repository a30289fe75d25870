"""Facts about real mail services: settings, limits and the meaning of their replies."""
