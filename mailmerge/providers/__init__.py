"""Providers: what is known of real mail services: settings, limits and what their replies mean."""
