"""Model endpoints: what each protocol is sent, and what is made of what it says."""
