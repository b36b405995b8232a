"""Wanted against found. Pure."""
