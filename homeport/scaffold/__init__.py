"""`homeport init`: looks at an application's repository and writes a project that deploys it."""
