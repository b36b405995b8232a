"""What writes a `Service` down for the ground that it runs on."""
