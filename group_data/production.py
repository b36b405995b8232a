"""What differs in production. All settings: group_data/all.py and docs/settings.md."""

app_name = "notes"
app_subdirectory = "examples/notes"
domain = "notes.example.com"
acme_email = "ops@example.com"
# secrets_file = "secrets/production.age"
