"""What stands before the application and answers its visitors."""
