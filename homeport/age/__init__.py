"""Files that are encrypted with age (https://age-encryption.org): keys, recipients, reading and writing."""
