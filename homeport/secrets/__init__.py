"""Secrets: files that are encrypted with age (https://age-encryption.org), their keys, and the secrets of a run."""
