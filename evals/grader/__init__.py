"""What trains and measures the grader of replies."""
