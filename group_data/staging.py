"""What differs in staging. Let's Encrypt's staging authority has generous limits and issues untrusted certificates."""

app_name = "notes"
app_subdirectory = "examples/notes"
domain = "staging.example.com"
acme_email = "ops@example.com"
acme_directory_url = "https://acme-staging-v02.api.letsencrypt.org/directory"
