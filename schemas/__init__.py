"""What travels: one file per event, the wire's encoding, and each event's Arrow schema."""
