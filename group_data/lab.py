"""What differs in the lab: the sample application, under the name that each host has there."""

app_name = "notes"
app_subdirectory = "examples/notes"
health_timeout_seconds = 60
